"""A burst of requests opens no more connections than the bound says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connection, transaction

from hamletweb.bounds.requests import PROBES_AT_ONCE, WAITING_FOR_EACH, bound_requests
from tests.running.processes import start_web


class SlowApplication:
    """Answers 200 once it is let go; remembers how many it had at once."""

    def __init__(self) -> None:
        self.at_work = self.most_at_work = 0
        self.go = asyncio.Event()

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        await self.go.wait()
        self.at_work -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(application: Any, path: str = "/models/") -> dict[str, Any]:
    answers = []

    async def send(message: dict) -> None:
        answers.append(message)

    await application({"type": "http", "path": path, "headers": []}, None, send)
    return answers[0]


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_those_above_the_bound_wait_and_are_served(settings):
    settings.REQUESTS_AT_ONCE = 3

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=60)
        asked = [asyncio.create_task(ask(bounded)) for _ in range(9)]
        await settled()
        assert slow.at_work == 3
        slow.go.set()
        assert [(await one)["status"] for one in asked] == [200] * 9
        assert slow.most_at_work == 3

    asyncio.run(burst())


def test_those_without_room_in_the_queue_are_told_to_come_back(settings):
    settings.REQUESTS_AT_ONCE = 1

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=60)
        asked = [asyncio.create_task(ask(bounded)) for _ in range(1 + WAITING_FOR_EACH)]
        await settled()
        refused = await ask(bounded)
        assert refused["status"] == 503
        assert dict(refused["headers"])[b"retry-after"] == b"2"
        slow.go.set()
        assert {(await one)["status"] for one in asked} == {200}
        assert (await ask(bounded))["status"] == 200, "the slots came back"

    asyncio.run(burst())


def test_nobody_waits_for_ever(settings):
    settings.REQUESTS_AT_ONCE = 1

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=0.01)
        first = asyncio.create_task(ask(bounded))
        await settled()
        assert (await ask(bounded))["status"] == 503
        slow.go.set()
        assert (await first)["status"] == 200

    asyncio.run(burst())


def test_an_application_that_fails_gives_its_place_back(settings):
    settings.REQUESTS_AT_ONCE = 1

    async def failing(scope: dict, receive: Any, send: Any) -> None:
        raise ValueError("broken")

    async def twice() -> None:
        bounded = bound_requests(failing, wait_s=0.01)
        for _ in range(3):
            with pytest.raises(ValueError, match="broken"):
                await ask(bounded)

    asyncio.run(twice())


def test_work_that_the_server_gave_up_on_keeps_its_place_until_it_ends(settings):
    """Its thread waits for the database all the same, and clients that leave come again."""
    settings.REQUESTS_AT_ONCE = 1

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=0.01)
        first = asyncio.create_task(ask(bounded))
        await settled()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await asyncio.wait_for(ask(bounded), 5))["status"] == 503
        slow.go.set()
        await settled()
        assert (await ask(bounded))["status"] == 200
        assert slow.most_at_work == 1

    asyncio.run(burst())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/static/css/hamlet.css"])
def test_health_and_files_are_never_told_to_wait(settings, path):
    settings.REQUESTS_AT_ONCE = 1

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=0.01)
        first = asyncio.create_task(ask(bounded))
        await settled()
        second = asyncio.create_task(ask(bounded, path))
        await settled()
        assert slow.at_work == 2
        slow.go.set()
        assert {(await first)["status"], (await second)["status"]} == {200}

    asyncio.run(burst())


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_probes_that_ask_the_database_have_a_few_places_of_their_own(path):
    """Anybody may ask /readyz, and each answer takes a connection."""

    async def burst() -> None:
        slow = SlowApplication()
        bounded = bound_requests(slow, wait_s=60)
        asked = [asyncio.create_task(ask(bounded, path)) for _ in range(3 * PROBES_AT_ONCE)]
        await settled()
        assert slow.at_work == PROBES_AT_ONCE
        others = [asyncio.create_task(ask(bounded, other)) for other in ("/models/", "/healthz")]
        await settled()
        assert slow.at_work == PROBES_AT_ONCE + 2
        slow.go.set()
        assert {(await one)["status"] for one in (*asked, *others)} == {200}

    asyncio.run(burst())


def status_of(url: str) -> tuple[int, str | None]:
    """(status, Retry-After) for somebody with a session, whom the database must be asked about."""
    asked = urllib.request.Request(url, headers={"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz"})
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Retry-After"]


def settled_count(cursor: Any) -> int:
    """How many connections wait for the table, once it is some and no more come."""
    before, now = -1, 0
    while now == 0 or now != before:
        before = now
        cursor.execute("SELECT pg_sleep(0.3)")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        (now,) = cursor.fetchone()
    return now


@pytest.mark.usefixtures("transactional_db", "redis_url", "artifact_dir")
def test_server_whose_database_hangs_opens_no_more_connections(tmp_path):
    web, url = start_web(tmp_path / "web.log", {"HAMLET_REQUESTS_AT_ONCE": "2"})
    burst = 2 + 2 * WAITING_FOR_EACH + 10
    try:
        with ThreadPoolExecutor(burst) as people:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE django_session")
                asked = [people.submit(status_of, f"{url}/accounts/login/") for _ in range(burst)]
                while sum(one.done() for one in asked) < 10:
                    wait([one for one in asked if not one.done()], 20, "FIRST_COMPLETED")
                assert {one.result() for one in asked if one.done()} == {(503, "2")}
                assert status_of(f"{url}/healthz") == (200, None)
                assert settled_count(cursor) == 2
            answers = [one.result() for one in asked]
        assert answers.count((200, None)) == burst - 10
    finally:
        web.stop()


def test_bound_that_lets_nobody_in_is_refused_at_the_start():
    found = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, "HAMLET_REQUESTS_AT_ONCE": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode != 0
    assert "HAMLET_REQUESTS_AT_ONCE: found 0; expected 1 or more." in found.stderr
