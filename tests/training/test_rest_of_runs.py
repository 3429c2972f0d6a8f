"""/api/v1/train and /api/v1/runs: what programs send and get."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from hamlet.model import HamletModel
from hamlet.recording import Episode, encode_episode
from registry.accounts.services import issue_token
from registry.artifacts.disk import path_of
from registry.artifacts.store import store_file
from registry.models import Scope, User
from registry.problems import pointer_of
from tests.training.runs import held, make_run
from tests.training.tiny_runs import queue_tiny, tiny_request
from training import execution
from training.models import Replay, Run, RunStatus

pytestmark = pytest.mark.django_db


def client_of(user: User, *scopes: str) -> APIClient:
    _, secret = issue_token(user, "test", scopes or Scope.values)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def api(instructor: User) -> APIClient:
    return client_of(instructor)


Post = Callable[..., Any]


def post(client: APIClient, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", body, format="json", headers=headers)


def errors(answer: Any) -> set[str]:
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    return {error["pointer"] for error in answer.json()["errors"]}


def test_a_run_is_accepted_and_found_under_its_address(api: APIClient) -> None:
    answer = post(api, "train", tiny_request(name="Mine"))
    assert answer.status_code == 202
    data = answer.json()
    assert (data["status"], data["name"], data["total"]) == ("queued", "Mine", 40)
    assert answer.headers["Location"] == data["url"] == f"/api/v1/runs/{data['id']}"
    assert api.get(data["url"]).json()["spec"]["content"]["level"]["name"] == "tiny"


def test_a_key_is_good_for_one_run(api: APIClient) -> None:
    headers = {"Idempotency-Key": "abc"}
    first = post(api, "train", tiny_request(), **headers)
    again = post(api, "train", tiny_request(), **headers)
    other = post(api, "train", tiny_request(seed=9), **headers)
    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert first.json()["id"] == again.json()["id"]
    assert "used before, with another body" in other.json()["detail"]
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "paths"),
    [
        (tiny_request(seed=-1, colour="red"), 422, {"seed", "colour"}),
        ({"level": "L0", "training": {"num_envs": 10**9}}, 422, {"training.num_envs"}),
        ({}, 422, {"system"}),
        ([], 422, {"(document)"}),
    ],
)
def test_a_bad_body_is_answered_with_the_paths(api, body, status: int, paths: set) -> None:
    answer = post(api, "train", body)
    assert answer.status_code == status
    assert errors(answer) == {pointer_of(path) for path in paths}
    assert not Run.objects.exists()


@pytest.mark.parametrize("body", [b"{", b'{"seed": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_what_is_not_json_is_400(api: APIClient, body: bytes) -> None:
    answer = api.post("/api/v1/train", body, content_type="application/json")
    assert answer.status_code == 400


def test_a_token_needs_the_scope_and_its_owner_the_role(instructor, student) -> None:
    reading = client_of(instructor, Scope.READ)
    assert post(reading, "train", tiny_request()).status_code == 403
    assert post(client_of(student), "train", tiny_request()).status_code == 403
    assert post(APIClient(), "train", tiny_request()).status_code == 401
    assert not Run.objects.exists()


def test_steering_answers_with_the_run_or_a_conflict(api: APIClient, run: Run) -> None:
    path = f"runs/{run.pk}"
    assert post(api, f"{path}/pause").json()["status"] == "paused"
    assert post(api, f"{path}/resume").json()["status"] == "queued"
    assert post(api, f"{path}/cancel").json()["status"] == "cancelled"
    answer = post(api, f"{path}/pause")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "a cancelled run cannot become paused"


def test_a_wish_of_a_running_run_shows(api: APIClient, run: Run) -> None:
    held(run)
    answer = post(api, f"runs/{run.pk}/cancel").json()
    assert (answer["status"], answer["wish"]) == ("running", "cancel")


def test_the_list_is_paged_and_filtered(api: APIClient, instructor) -> None:
    for number in range(5):
        make_run(owner=instructor, name=f"n{number}", level="L1" if number % 2 else "L0")
    Run.objects.filter(name="n4").update(status=RunStatus.FAILED)
    first = api.get("/api/v1/runs?limit=3").json()
    second = api.get(first["next"]).json()
    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == ["n4", "n3", "n2", "n1", "n0"]
    assert second["next"] is None
    for query, expected in (
        ("status=failed", ["n4"]),
        ("level=L1", ["n3", "n1"]),
        ("system=town&status=queued&level=L0", ["n2", "n0"]),
    ):
        items = api.get(f"/api/v1/runs?{query}").json()["items"]
        assert [item["name"] for item in items] == expected


@pytest.mark.parametrize(
    ("query", "path"),
    [("status=lost", "status"), ("system=towm", "system"), ("limit=0", "limit"),
     ("cursor=x", "cursor")],
)  # fmt: skip
def test_a_wrong_parameter_is_named(api: APIClient, query: str, path: str) -> None:
    answer = api.get(f"/api/v1/runs?{query}")
    assert (answer.status_code, errors(answer)) == (422, {pointer_of(path)})


def test_systems_and_their_levels(api: APIClient) -> None:
    systems = api.get("/api/v1/systems").json()
    assert [system["name"] for system in systems] == ["town", "connect_four"]
    levels = api.get(systems[0]["levels_url"]).json()
    assert [level["name"] for level in levels] == ["L0", "L0.5", "L1", "L2", "L3"]
    assert levels[0]["budget"] == 500
    assert api.get("/api/v1/systems/nothing/levels").status_code == 404


def test_a_damaged_replay_is_an_error_and_not_an_answer(api, run, artifact_dir) -> None:
    episode = Episode(5, {"a": 1}, {"x": [1, 2]}, {"reason": "end"}, 1e9)
    artifact = store_file(encode_episode(episode), "application/vnd.hamlet.episode")
    Replay.objects.create(
        run=run, number=5, survival_steps=2, score=1, artifact=artifact, ended_at=timezone.now()
    )
    url = f"/api/v1/runs/{run.pk}/replays/5"
    assert api.get(url).json()["columns"] == {"x": [1, 2]}
    path = path_of(artifact.pk)
    path.write_bytes(b"x" * path.stat().st_size)
    answer = api.get(url)
    assert answer.status_code == 500
    assert "episode 5 cannot be shown" in answer.json()["detail"]


@pytest.mark.parametrize("number", [6, 2**63, 10**30])
def test_what_is_not_there_is_404(api: APIClient, run: Run, number: int) -> None:
    for kind in ("replays", "checkpoints"):
        assert api.get(f"/api/v1/runs/{run.pk}/{kind}/{number}").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_url", "artifact_dir")
def test_what_a_finished_run_offers(api: APIClient, instructor) -> None:
    run = queue_tiny(instructor)
    execution.execute(run.pk)
    url = f"/api/v1/runs/{run.pk}"
    detail = api.get(url).json()
    assert (detail["status"], detail["version"], detail["done"]) == ("succeeded", "1.0.0", 40)
    metrics = api.get(f"{url}/metrics?names=epsilon,loss&max_points=2").json()
    assert set(metrics["series"]) == {"epsilon", "loss"}
    assert len(metrics["series"]["epsilon"]["at"]) == 2
    assert "mean_survival_steps" in metrics["names"]
    episodes = api.get(f"{url}/episodes?limit=10").json()
    assert [item["number"] for item in episodes["items"]] == list(range(40, 30, -1))
    checkpoints = api.get(f"{url}/checkpoints?kind=inference").json()["items"]
    assert [item["at"] for item in checkpoints] == [40, 30, 20, 10]
    download = api.get(checkpoints[-1]["download_url"])
    content = download.getvalue()
    digest = hashlib.sha256(content).digest()
    assert digest.hex() == checkpoints[-1]["sha256"]
    assert download.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert HamletModel.load_from_checkpoint(content)
    again = api.get(
        checkpoints[-1]["download_url"], headers={"If-None-Match": download.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    for query, path in (("names=unheard", "names"), ("max_points=0", "max_points")):
        answer = api.get(f"{url}/metrics?{query}")
        assert (answer.status_code, errors(answer)) == (422, {pointer_of(path)})
    for query, path in (("stage=x", "stage"), ("min_number=-1", "min_number")):
        assert errors(api.get(f"{url}/replays?{query}")) == {pointer_of(path)}
    assert errors(api.get(f"{url}/checkpoints?kind=other")) == {"/kind"}


def test_the_openapi_document_describes_every_route_of_training(api: APIClient) -> None:
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    described = {path for path in paths if "/runs" in path or "/train" in path or "/sys" in path}
    assert len(described) == 17
