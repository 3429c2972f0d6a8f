"""`/healthz` and `/readyz`: what machines learn about this process."""

from __future__ import annotations

import time

import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hamletweb.health import checks
from registry.hosts import workers
from registry.hosts.workers import forget_worker, heard_workers, note_worker

NEEDED = {"database", "migrations", "broker", "artifacts"}


@pytest.fixture
def broker(redis_url: str):
    workers.client.cache_clear()
    checks.require_migrations.cache_clear()
    yield redis_url
    workers.client.cache_clear()


def checks_by_name(response) -> dict[str, dict]:
    return {check["name"]: check for check in response.json()["checks"]}


def test_a_living_process_says_so_without_asking_the_database(client: Client) -> None:
    # No `db` fixture: pytest-django fails any query.
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert "no-store" in response["Cache-Control"]
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_ready_with_everything_there_names_every_check(
    client: Client, broker: str, artifact_dir
) -> None:
    note_worker("one@host", ("default", "inference"))
    note_worker("two@host", ("training.gpu",))
    response = client.get("/readyz")
    found = checks_by_name(response)
    assert response.status_code == 200
    assert set(found) == NEEDED | {"worker:training", "worker:default", "worker:inference"}
    assert all(check["ok"] and check["text"] for check in found.values())


@pytest.mark.django_db
def test_missing_workers_are_named_but_keep_the_pages_in_service(
    client: Client, broker: str, artifact_dir
) -> None:
    note_worker("one@host", ("default",))
    workers.client().set(workers.SINCE, time.time() - workers.ALL_HEARD_AFTER_S)
    response = client.get("/readyz")
    found = checks_by_name(response)
    assert response.status_code == 200
    assert response.json()["ready"] is True
    assert found["worker:default"]["ok"] is True
    assert found["worker:training"] == {
        "name": "worker:training",
        "ok": False,
        "needed": False,
        "text": "no worker for training was heard of in the last 30 s",
    }
    workers.client().delete(workers.SINCE)
    text = checks_by_name(client.get("/readyz"))["worker:training"]["text"]
    assert text == "no worker for training has spoken since Valkey was emptied, a few seconds ago"


@pytest.mark.django_db
def test_missing_migration_takes_the_process_out_of_service(
    client: Client, broker: str, artifact_dir
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    found = checks_by_name(response)["migrations"]
    assert found["ok"] is False
    assert found["text"] == "migrations: 1 are missing: run `manage.py migrate`"


@pytest.mark.django_db
def test_migrations_are_looked_up_until_they_are_there(broker: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions' RETURNING *")
        [(_, app, name, applied)] = cursor.fetchall()
        assert [checks.check_migrations().ok for _ in range(2)] == [False, False]
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
            [app, name, applied],
        )
    assert checks.check_migrations().ok is True
    with CaptureQueriesContext(connection) as queries:
        assert checks.check_migrations().ok is True
    assert len(queries) == 0


def test_probe_by_address_learns_that_the_process_lives(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.1.2.3:8000"})
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert client.get("/login/", headers={"host": "10.1.2.3:8000"}).status_code == 400


@pytest.mark.django_db
def test_lost_broker_takes_the_process_out_of_service_and_tells_no_secret(
    client: Client, broker: str, artifact_dir, settings
) -> None:
    settings.REDIS_URL = "redis://:topsecret@127.0.0.1:1/0"
    workers.client.cache_clear()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert checks_by_name(response)["broker"]["text"] == "Valkey (or Redis) does not answer"
    assert b"topsecret" not in response.content
    assert b"127.0.0.1" not in response.content


@pytest.mark.django_db
def test_artifact_directory_that_cannot_be_written_is_found(
    client: Client, broker: str, settings, tmp_path
) -> None:
    (tmp_path / "file").touch()
    settings.ARTIFACT_DIR = tmp_path / "file" / "artifacts"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert checks_by_name(response)["artifacts"]["ok"] is False
    assert str(tmp_path).encode() not in response.content


def test_lost_database_is_one_finding_not_two(broker: str, monkeypatch) -> None:
    from django.db.utils import OperationalError

    def refuse() -> None:
        raise OperationalError("connection to server at 10.0.0.1 failed: topsecret")

    monkeypatch.setattr(connection, "cursor", refuse)  # the network, which we do not own
    found = {check.name: check for check in checks.run_checks()}
    assert found["database"].ok is False
    assert "migrations" not in found
    assert "topsecret" not in found["database"].text


def test_worker_is_forgotten_when_it_ends_or_falls_silent(broker: str) -> None:
    note_worker("gone@host", ("default",))
    note_worker("stays@host", ("training.cpu", "default"))
    forget_worker("gone@host", ("default",))
    [heard] = heard_workers()
    assert (heard.name, heard.queues) == ("stays@host", ("default", "training.cpu"))
    assert 0 <= heard.age_s < 30
    redis.Redis.from_url(broker).zincrby(workers.KEY, -31, "stays@host default,training.cpu")
    assert heard_workers() == []
    assert [worker.name for worker in heard_workers(within_s=60)] == ["stays@host"]


@pytest.mark.django_db(transaction=True)
def test_real_worker_is_heard_until_it_ends(celery_worker_process, broker: str) -> None:
    worker = celery_worker_process("default,inference")
    [heard] = heard_workers()
    assert heard.queues == ("default", "inference")
    worker.stop()
    assert heard_workers() == []
