"""Jobs over REST: sending, looking, fetching, steering, and what is refused."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from registry.accounts.models import Membership, Scope
from registry.accounts.services import issue_token
from registry.jobs import execution, questions, services
from registry.jobs.models import Job, JobStatus
from registry.models import User
from registry.problems import pointer_of
from registry.versions.models import VersionCard, VersionStatus
from tests.jobs.rows import WORKER, assert_right, body_of, held, let_time_pass, register

pytestmark = pytest.mark.django_db
SEND = "/api/v1/predict/jobs"
JOBS = "/api/v1/jobs"


class Program:
    """A client with a person's token for predictions."""

    def __init__(self, user: User) -> None:
        _, secret = issue_token(user, "program", [Scope.PREDICT])
        self._headers = {"Authorization": f"Bearer {secret}"}

    def send(self, body: object, **headers: str):
        given = {
            **self._headers,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        return Client().post(SEND, body, content_type="application/json", headers=given)

    def get(self, path: str, **query: str):
        return Client().get(path, query, headers=self._headers)

    def post(self, path: str):
        return Client().post(path, headers=self._headers)


@pytest.fixture
def program(student: User, version: object) -> Program:
    return Program(student)


def test_a_job_is_accepted_and_says_where_to_look(program: Program) -> None:
    response = program.send(body_of(10))
    data = response.json()
    assert response.status_code == 202
    assert response["Location"] == data["url"] == f"{JOBS}/{data['id']}"
    assert data["progress"] == {"done": 0, "total": 10, "unit": "row"}
    assert (data["status"], data["queue"], data["result_url"]) == ("queued", "inference", None)
    assert program.get(data["url"]).json()["id"] == data["id"]


@pytest.mark.django_db(transaction=True)
def test_the_result_comes_with_more_rows_than_a_request_may_have(
    program: Program, version, settings
) -> None:
    rows = version.signature["most_rows"] + 1
    job = Job.objects.get(pk=program.send(body_of(rows)).json()["id"])
    early = program.get(f"{JOBS}/{job.pk}/result")
    assert early.status_code == 409
    assert f"The job is queued: 0 of {rows} rows are done" in early.json()["detail"]
    execution.execute(job.pk, WORKER)
    data = program.get(f"{JOBS}/{job.pk}").json()
    response = program.get(data["result_url"])
    assert response["Content-Type"] == "application/json"
    assert json.loads(b"".join(response.streaming_content))["rows"] == rows
    assert_right(job)
    let_time_pass(job, settings.JOB_DAYS * 24 * 3600 + 1)
    gone = program.get(data["result_url"])
    assert gone.status_code == 410
    assert "Send the job again" in gone.json()["detail"]
    assert program.get(data["url"]).json()["result_url"] is None


def test_the_same_key_and_body_make_one_job(program: Program) -> None:
    first = program.send(body_of(2), Idempotency_Key="night-1")
    again = program.send(body_of(2), Idempotency_Key="night-1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    other = program.send(body_of(3), Idempotency_Key="night-1")
    assert other.status_code == 409
    assert first.json()["id"] in other.json()["detail"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "k" * 101, "a b"])
def test_a_key_that_is_none_is_refused(program: Program, key: str) -> None:
    response = program.send(body_of(1), Idempotency_Key=key)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/Idempotency-Key"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"device": "tpu"}, "device"),
        ({"device": ["cpu"]}, "device"),
        ({"observation": [[0.0] * 37]}, "observation"),
        ({"observation": []}, "observation"),
        ({"version": "1.0.0", "alias": "latest"}, "alias"),
        ({"epsilon": 1}, "epsilon"),
        ({"inputs": {}}, "observation"),
    ],
)
def test_a_fault_is_named_and_nothing_is_made(program: Program, changes, path: str) -> None:
    response = program.send({**body_of(1), **changes})
    assert response.status_code == 422
    assert any(error["pointer"].startswith(pointer_of(path)) for error in response.json()["errors"])
    assert not Job.objects.exists()


def test_an_answer_that_would_be_too_long_is_refused(program: Program, monkeypatch) -> None:
    monkeypatch.setattr(questions, "MOST_ANSWER_NUMBERS", 99)
    response = program.send(body_of(12))
    assert response.status_code == 422
    assert "expected at most 11 rows" in response.json()["errors"][0]["detail"]


def test_a_model_out_of_sight_is_404(outsider: User, version) -> None:
    assert Program(outsider).send(body_of(1)).status_code == 404


def test_too_many_unfinished_jobs_are_refused_until_some_end(program: Program, monkeypatch) -> None:
    monkeypatch.setattr(services, "MOST_UNFINISHED", 2)
    ids = [program.send(body_of(1, seed=seed)).json()["id"] for seed in (1, 2)]
    refused = program.send(body_of(1, seed=3))
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert program.post(f"{JOBS}/{ids[0]}/cancel").status_code == 200
    assert program.send(body_of(1, seed=3)).status_code == 202


def test_own_jobs_those_of_one_s_classes_and_all_of_them(
    job: Job, student: User, instructor: User, outsider: User, admin: User, classroom
) -> None:
    for person, sees in ((student, 1), (instructor, 1), (admin, 1), (outsider, 0)):
        assert len(Program(person).get(JOBS).json()["items"]) == sees, person
        found = Program(person).get(f"{JOBS}/{job.pk}").status_code
        assert found == (200 if sees else 404), person
    # A class mate sees the model but not what others ask of it; nor does a former teacher.
    Membership.objects.create(classroom=classroom, user=outsider)
    assert Program(outsider).get(f"{JOBS}/{job.pk}").status_code == 404
    Membership.objects.filter(user=instructor).delete()
    assert Program(instructor).get(f"{JOBS}/{job.pk}").status_code == 404


def test_the_list_is_paged_and_filtered(program: Program, version, model) -> None:
    ids = [program.send(body_of(1, seed=seed)).json()["id"] for seed in range(3)]
    program.post(f"{JOBS}/{ids[0]}/cancel")
    page = program.get(JOBS, limit="2").json()
    assert [item["id"] for item in page["items"]] == ids[:0:-1]
    last = program.get(page["next"]).json()
    assert ([item["id"] for item in last["items"]], last["next"]) == ([ids[0]], None)
    assert [i["id"] for i in program.get(JOBS, status="cancelled").json()["items"]] == [ids[0]]
    assert len(program.get(JOBS, model="walker").json()["items"]) == 3
    assert program.get(JOBS, model="nobody").json()["items"] == []
    assert program.get(JOBS, status="lost").status_code == 422


def test_cancel_and_retry_are_for_the_states_that_allow_them(program: Program, job: Job) -> None:
    url = f"{JOBS}/{job.pk}"
    assert program.post(f"{url}/retry").status_code == 409
    assert program.post(f"{url}/cancel").json()["status"] == "cancelled"
    assert program.post(f"{url}/cancel").status_code == 409
    assert "cancelled, so it has no result" in program.get(f"{url}/result").json()["detail"]
    assert program.post(f"{url}/retry").json()["status"] == "queued"
    held(job)
    stopping = program.post(f"{url}/cancel").json()
    assert (stopping["status"], stopping["cancel_wished"]) == ("running", True)


def test_an_archived_version_takes_no_jobs(program: Program, version) -> None:
    VersionCard.objects.filter(version=version).update(status=VersionStatus.ARCHIVED)
    assert program.send(body_of(1)).status_code == 409


def test_an_unknown_job_is_404(program: Program) -> None:
    for path in ("", "/result"):
        assert program.get(f"{JOBS}/{uuid.uuid4()}{path}").status_code == 404


def test_the_version_is_chosen_when_the_job_is_sent(program: Program, model, version) -> None:
    first = program.send(body_of(1)).json()
    register(model, seed=1)
    assert program.get(first["url"]).json()["version"] == first["version"] == version.number
    assert program.send(body_of(1)).json()["version"] != version.number
    assert Job.objects.filter(status=JobStatus.QUEUED).count() == 2
