"""What was looked up a moment ago: never stale, seldom waited for, gone when told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hamletweb.serving import fresh
from hamletweb.serving.fresh import MOST_LOOK_UPS, FreshCache
from registry.serving.errors import TooBusyError


class LookUp:
    """Counts look-ups; holds them back where a test says so."""

    def __init__(self) -> None:
        self.count = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, key: str) -> str:
        self.count += 1
        number = self.count
        await self.go.wait()
        if key == "missing":
            raise KeyError(key)
        return f"{key} {number}"


@pytest.fixture
def clock(monkeypatch):
    """The time that the cache sees, in seconds."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(fresh.time, "monotonic", lambda: Clock.now)
    return Clock


def on_loop(work: Callable[[FreshCache, LookUp], Awaitable[None]]) -> None:
    async def run() -> None:
        look_up = LookUp()
        await work(FreshCache(look_up), look_up)

    asyncio.run(run())


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_second_question_looks_nothing_up_and_those_at_once_share():
    async def work(cache, look_up):
        assert await asyncio.gather(*(cache.get("a") for _ in range(5))) == ["a 1"] * 5
        assert await cache.get("a") == "a 1"
        assert look_up.count == 1

    on_loop(work)


def test_after_a_second_it_is_looked_up_beside_and_after_two_waited_for(clock):
    async def work(cache, look_up):
        await cache.get("a")
        clock.now += 1.5
        assert await cache.get("a") == "a 1"
        await settled()
        assert await cache.get("a") == "a 2"
        clock.now += 2.1
        assert await cache.get("a") == "a 3"

    on_loop(work)


def test_what_is_forgotten_is_gone_at_once():
    async def work(cache, look_up):
        await cache.get("a")
        await cache.get("b")
        assert cache.forget(lambda key, _: key == "a") == ["a"]
        assert await cache.get("a") == "a 3"
        assert await cache.get("b") == "b 2"

    on_loop(work)


def test_look_up_that_began_before_the_change_is_not_kept():
    async def work(cache, look_up):
        look_up.go.clear()
        early = asyncio.create_task(cache.get("a"))
        await settled()
        cache.forget(lambda *_: True)
        late = asyncio.create_task(cache.get("a"))
        await settled()
        look_up.go.set()
        assert (await early, await late) == ("a 1", "a 2")
        assert await cache.get("a") == "a 2"

    on_loop(work)


def test_failure_reaches_who_asked_and_is_not_kept():
    async def work(cache, look_up):
        for _ in range(2):
            with pytest.raises(KeyError):
                await cache.get("missing")
        assert look_up.count == 2

    on_loop(work)


def test_value_that_is_gone_at_its_refresh_is_gone(clock):
    async def work(cache, look_up):
        cache._entries["missing"] = fresh.Entry("old", clock.now - 1.5, clock.now)
        assert await cache.get("missing") == "old"
        await settled()
        with pytest.raises(KeyError):
            await cache.get("missing")

    on_loop(work)


def test_strangers_in_any_number_leave_room_for_who_was_found_before(clock):
    async def work(cache, look_up):
        await cache.get("known")
        clock.now += 3
        look_up.go.clear()
        strangers = [asyncio.create_task(cache.get(f"made up {n}")) for n in range(MOST_LOOK_UPS)]
        await settled()
        with pytest.raises(TooBusyError):
            await cache.get("one more")
        known = asyncio.create_task(cache.get("known"))
        await settled()
        look_up.go.set()
        assert (await known).startswith("known")
        await asyncio.gather(*strangers)
        assert await cache.get("one more"), "their room came back"

    on_loop(work)


def test_who_is_missed_is_a_stranger_again():
    async def work(cache, look_up):
        await cache.get("a")
        assert cache.has_found("a")
        assert not cache.has_found("missing")
        cache._found["missing"] = None
        with pytest.raises(KeyError):
            await cache.get("missing")
        assert not cache.has_found("missing")

    on_loop(work)
