"""Tokens that nobody has: remembered for a moment, and in nobody's way."""

from __future__ import annotations

import asyncio

import pytest
from rest_framework.exceptions import AuthenticationFailed

from hamletweb.serving import runner
from hamletweb.serving.runner import MOST_REFUSED, Serving
from registry.accounts.models import Scope
from registry.accounts.services import issue_token

pytestmark = pytest.mark.usefixtures("transactional_db", "redis_url")


@pytest.fixture
def looked_up(monkeypatch):
    """Tokens that the database was asked for, with the thread that asked."""
    import threading

    found = []
    really = runner.find_caller

    def find(secret):
        found.append((secret, threading.current_thread().name))
        return really(secret)

    monkeypatch.setattr(runner, "find_caller", find)
    return found


def on_serving(work) -> None:
    async def run() -> None:
        serving = Serving()
        heard = asyncio.Event()
        changed = serving.changed
        serving._listener._tell = lambda what: (changed(what), heard.set())
        try:
            await asyncio.wait_for(heard.wait(), 30)  # the first word is of everything
            await work(serving)
        finally:
            await serving.stop()

    asyncio.run(run())


async def refused(serving: Serving, secret: str) -> None:
    with pytest.raises(AuthenticationFailed, match="unknown"):
        await serving.callers.get(secret)


def test_refused_token_is_not_looked_up_again_at_once(looked_up):
    async def work(serving):
        for _ in range(3):
            await refused(serving, "hw_made_up")
        assert len(looked_up) == 1
        serving.changed("token:7")
        await refused(serving, "hw_made_up")
        assert len(looked_up) == 2

    on_serving(work)


def test_refused_tokens_are_remembered_in_bounds(looked_up):
    async def work(serving):
        for number in range(MOST_REFUSED):
            serving._refused[f"old {number}"] = float("inf")
        await refused(serving, "hw_made_up")
        assert len(serving._refused) == MOST_REFUSED
        assert "old 0" not in serving._refused

    on_serving(work)


def test_known_token_has_a_thread_that_strangers_have_not(looked_up, student):
    _, secret = issue_token(student, "program", [Scope.PREDICT])

    async def work(serving):
        await serving.callers.get(secret)
        serving.callers.forget(lambda *_: True)
        await serving.callers.get(secret)
        first, second = (thread for _, thread in looked_up)
        assert first != second

    on_serving(work)
