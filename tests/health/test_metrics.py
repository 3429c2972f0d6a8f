"""`/metrics`: numbers for Prometheus, for admins and scrapers alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from hamletweb.health.sockets import OPEN, count_sockets
from registry.accounts.services import issue_token
from registry.hosts import workers
from training.models import Run, RunStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def broker(redis_url: str):
    workers.client.cache_clear()
    yield redis_url
    workers.client.cache_clear()


def scrape(client: Client, **headers: str) -> dict[tuple, float]:
    """Samples by (name, *label values in order of their names)."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def make_run(status: str, **fields: object) -> Run:
    told = {"name": "r", "system": "town", "spec": {}, "spec_hash": "x", "total": 10}
    return Run.objects.create(**(told | {"unit": "episode", "status": status} | fields))


def test_strangers_students_and_instructors_are_refused(
    client: Client, student, instructor, admin
) -> None:
    assert client.get("/metrics").status_code == 401
    for user, expected in ((student, 403), (instructor, 403), (admin, 200)):
        client.force_login(user)
        assert client.get("/metrics").status_code == expected, user


def test_token_needs_the_scope_and_its_owner_the_role(client: Client, instructor, admin) -> None:
    for user, scope, expected in (
        (admin, "manage", 200),
        (admin, "read", 403),
        (instructor, "manage", 403),
    ):
        _, secret = issue_token(user, "scrape", [scope])
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get("/metrics", headers=headers).status_code == expected


def test_scraper_without_an_account_uses_the_token_of_the_settings(
    client: Client, settings
) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    settings.METRICS_TOKEN = "for-prometheus"
    headers = {"Authorization": "Bearer for-prometheus"}
    assert client.get("/metrics", headers=headers).status_code == 200
    headers = {"Authorization": "Bearer for-prometheuS"}
    assert client.get("/metrics", headers=headers).status_code == 401


def test_runs_heartbeats_and_drops_are_counted(admin_scrape) -> None:
    now = timezone.now()
    make_run(RunStatus.RUNNING, heartbeat_at=now - timedelta(seconds=50), episodes_dropped=3)
    make_run(RunStatus.RUNNING, heartbeat_at=now, episodes_dropped=4)
    make_run(RunStatus.SUCCEEDED, episodes_dropped=100)
    make_run(RunStatus.QUEUED, queued_at=now - timedelta(seconds=20))
    found = admin_scrape()
    assert found["hamlet_runs", "running"] == 2
    assert found["hamlet_runs", "queued"] == 1
    assert found["hamlet_runs", "succeeded"] == 1
    assert found["hamlet_runs", "failed"] == 0
    assert found["hamlet_running_episodes_dropped",] == 7
    assert 50 <= found["hamlet_run_oldest_heartbeat_seconds",] < 80
    assert 20 <= found["hamlet_run_longest_wait_seconds",] < 50


def test_queues_are_counted_with_their_priorities(admin_scrape, broker: str) -> None:
    client = redis.Redis.from_url(broker)
    client.rpush("training.cpu", "a", "b")
    client.rpush("training.cpu\x06\x163", "urgent")
    found = admin_scrape()
    assert found["hamlet_queue_messages", "training.cpu"] == 3
    assert found["hamlet_queue_messages", "default"] == 0


def test_workers_are_heard(admin_scrape) -> None:
    workers.note_worker("one@host", ("default",))
    assert 0 <= admin_scrape()["hamlet_worker_heard_seconds", "one@host"] < 30


def test_requests_are_counted_by_route_not_by_path(admin_scrape, client: Client) -> None:
    before = admin_scrape()
    for path in ("/healthz", "/healthz", "/no/such/page", "/nor/this/one"):
        client.get(path)
    client.generic("BREW", "/healthz")
    after = admin_scrape()

    def more(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert more("hamlet_http_requests_total", "GET", "healthz", "200") == 2
    assert more("hamlet_http_requests_total", "GET", "(none)", "404") == 2
    assert more("hamlet_http_requests_total", "other", "healthz", "405") == 1
    assert more("hamlet_http_request_seconds_count", "GET", "healthz") == 2
    assert not [key for key in after if "/no/such/page" in key]


def test_lost_broker_is_a_number_not_an_error(admin_scrape, settings) -> None:
    assert admin_scrape()["hamlet_broker_up",] == 1
    settings.CELERY_BROKER_URL = settings.REDIS_URL = "redis://127.0.0.1:1/0"
    workers.client.cache_clear()
    found = admin_scrape()
    assert found["hamlet_broker_up",] == 0
    assert found["hamlet_database_up",] == 1
    assert ("hamlet_runs", "running") in found


@pytest.mark.asyncio
async def test_open_sockets_are_counted_until_they_close() -> None:
    async def echo_until_closed(scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept" if scope["path"] == "/good" else "websocket.close"})
        await receive()

    async def connect(path: str) -> tuple[WebsocketCommunicator, bool]:
        socket = WebsocketCommunicator(count_sockets(echo_until_closed), path)
        return socket, (await socket.connect())[0]

    before = OPEN._value.get()
    good, accepted = await connect("/good")
    bad, refused = await connect("/bad")
    assert (accepted, refused) == (True, False)
    assert OPEN._value.get() == before + 1
    await good.disconnect()
    assert OPEN._value.get() == before


@pytest.fixture
def admin_scrape(client: Client, admin):
    client.force_login(admin)
    return lambda: scrape(client)
