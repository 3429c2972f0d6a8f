"""Look-ups keep their connections, and lose them when they are of no use."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import OperationalError, connection

from hamletweb.serving.look_ups import LookUps

pytestmark = pytest.mark.django_db(transaction=True)


def backend() -> tuple[int, int]:
    """The thread, and the process of PostgreSQL behind its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return threading.get_ident(), cursor.fetchone()[0]


def end(process: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def is_there(process: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [process])
        return cursor.fetchone()[0] == 1


def test_second_question_has_the_connection_of_the_first():
    async def work() -> None:
        look_ups = LookUps(1, "test")
        assert await look_ups.ask(backend) == await look_ups.ask(backend)
        look_ups.stop()

    asyncio.run(work())


def test_there_are_no_more_threads_than_allowed():
    async def work() -> None:
        look_ups = LookUps(2, "test")
        found = await asyncio.gather(*(look_ups.ask(backend) for _ in range(20)))
        assert len(set(found)) <= 2
        look_ups.stop()

    asyncio.run(work())


def test_connection_that_died_meanwhile_is_made_anew():
    async def work() -> None:
        look_ups = LookUps(1, "test")
        _, before = await look_ups.ask(backend)
        await asyncio.to_thread(end_and_disconnect, before)
        _, after = await look_ups.ask(backend)
        assert after != before
        look_ups.stop()

    asyncio.run(work())


def end_and_disconnect(process: int) -> None:
    try:
        end(process)
    finally:
        connection.close()


def test_failure_closes_the_connection_and_is_told():
    def fail() -> None:
        raise OperationalError("away")

    async def work() -> list[int]:
        look_ups = LookUps(1, "test")
        _, before = await look_ups.ask(backend)
        with pytest.raises(OperationalError, match="away"):
            await look_ups.ask(fail)
        _, after = await look_ups.ask(backend)
        look_ups.stop()
        return [before, after]

    before, after = asyncio.run(work())
    assert before != after


def test_thread_that_is_asked_nothing_gives_its_connection_back():
    async def work() -> int:
        look_ups = LookUps(1, "test", idle_s=0.001)
        _, process = await look_ups.ask(backend)
        while await asyncio.to_thread(look, process):
            pass
        look_ups.stop()
        return process

    asyncio.run(asyncio.wait_for(work(), 30))


def look(process: int) -> bool:
    try:
        return is_there(process)
    finally:
        connection.close()
