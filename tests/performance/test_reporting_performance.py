"""`POST /api/v1/performance/{model}`: numbers that people report of a model, kept and shown."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.models import PerformanceReport
from registry.performance import services
from registry.problems import pointer_of
from registry.services import ensure_model

pytestmark = pytest.mark.django_db
METRICS = {"wins": 0.55, "games": 120}


@pytest.fixture
def model(instructor, classroom):
    return ensure_model("dropper", "connect_four", instructor, classroom)


@pytest.fixture
def client(student) -> APIClient:
    client = APIClient()
    client.force_login(student)
    return client


@pytest.fixture
def send(client, model):
    def post(body, key=None, name="dropper"):
        headers = {"Idempotency-Key": key} if key else {}
        return client.post(f"/api/v1/performance/{name}", body, format="json", headers=headers)

    return post


def test_report_is_kept_and_listed_newest_first(send, client, student):
    first = send({"metrics": METRICS})
    assert first.status_code == 201, first.content
    second = send({"metrics": {"wins": 0.6}, "feedback": "loses to 4453"}).json()
    listed = client.get("/api/v1/performance/dropper?limit=1").json()
    assert listed["items"] == [second]
    rest = client.get(listed["next"]).json()
    assert [one["report_id"] for one in rest["items"]] == [first.json()["report_id"]]
    assert rest["next"] is None
    assert first.json()["metrics"] == METRICS
    assert (second["reporter"], second["feedback"]) == (student.username, "loses to 4453")


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({}, "metrics", "missing"),
        ({"metrics": {}}, "metrics", "at least"),
        ({"metrics": {"wins": "many"}}, "metrics.wins", "number"),
        ({"metrics": {"wins": True}}, "metrics.wins", "number"),
        ({"metrics": {f"m{n}": n for n in range(51)}}, "metrics", "50"),
        ({"metrics": {"x" * 61: 1}}, "metrics", "60"),
        ({"metrics": {"": 1}}, "metrics", "a name"),
        ({"metrics": {"wins": 1}, "feedback": "x" * 2001}, "feedback", "2000"),
        ({"metrics": {"wins": 1}, "stars": 5}, "stars", "unknown"),
        ([], "(document)", "mapping"),
    ],
)
def test_bad_report_is_refused_with_its_place(send, body, path, words):
    response = send(body)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["pointer"].startswith(pointer_of(path))
    assert words in error["detail"]
    assert not PerformanceReport.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(client, model, number):
    body = f'{{"metrics": {{"wins": {number}}}}}'
    answer = client.post("/api/v1/performance/dropper", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert not PerformanceReport.objects.exists()


def test_same_key_makes_one_report(send):
    first, again = send({"metrics": METRICS}, "once"), send({"metrics": METRICS}, "once")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert send({"metrics": {"wins": 0}}, "once").status_code == 409
    assert send({"metrics": METRICS}, "a b").status_code == 422
    assert PerformanceReport.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_same_key_sent_at_the_same_time_makes_one_report(student, model):
    found = []

    def report() -> None:
        found.append(
            services.report(student, model, {"metrics": METRICS}, idempotency_key="once")[0].uid
        )
        connection.close()

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 4
    assert PerformanceReport.objects.count() == 1


def test_oldest_reports_of_a_person_go_and_nobody_elses(
    send, student, instructor, model, monkeypatch
):
    monkeypatch.setattr(services, "MOST_REPORTS", 3)
    services.report(instructor, model, {"metrics": {"wins": 9}})
    for wins in range(5):
        services.report(student, model, {"metrics": {"wins": wins}})
    kept = [report.metrics["wins"] for report in PerformanceReport.objects.order_by("pk")]
    assert kept == [9, 2, 3, 4]


def test_who_may_not_see_the_model_reports_nothing_of_it(model, outsider):
    stranger = APIClient()
    stranger.force_login(outsider)
    for answer in (
        stranger.post("/api/v1/performance/dropper", {"metrics": METRICS}, format="json"),
        stranger.get("/api/v1/performance/dropper"),
    ):
        assert answer.status_code == 404


def test_token_needs_the_scope_predict(model, student):
    for scope, status in ((Scope.READ, 403), (Scope.PREDICT, 201)):
        _, secret = issue_token(student, "program", (scope,))
        answer = Client().post(
            "/api/v1/performance/dropper",
            json.dumps({"metrics": METRICS}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == status


def test_page_of_the_model_shows_who_reported_what(send, client, student):
    empty = client.get("/models/dropper/").content.decode()
    assert "POST /api/v1/performance/dropper" in empty
    send({"metrics": METRICS, "feedback": "<b>good</b>"})
    page = client.get("/models/dropper/").content.decode()
    assert "wins 0.55, games 120" in " ".join(page.split())
    assert "&lt;b&gt;good&lt;/b&gt;" in page
    assert "POST /api/v1/performance/dropper" not in page
