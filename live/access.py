"""Whether a watcher may still watch, asked again every few seconds for as long as it does.

A session that ended, a password that changed, an account that was closed, a class that was left:
each cuts the connection within five seconds. All watchers of a process are asked about together,
since a class of a hundred people is one question in two queries a person, not a hundred tasks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.models import AnonymousUser
from django.utils.crypto import constant_time_compare

from live.protocol import OUT_OF_SIGHT, SIGNED_OUT, TRY_AGAIN
from registry.models import User
from training.queries import visible_runs

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 2.5
# Without an answer from the database for so long, nobody knows who may watch; they come back.
BLIND_AFTER_S = 30.0


@dataclass(frozen=True)
class Visitor:
    """Who watches which run, by the session that the socket was opened with."""

    session_key: str | None
    run_id: UUID


def refusals(visitors: Iterable[Visitor]) -> dict[Visitor, int]:
    """The close code for each visitor who may not watch (any more)."""
    runs: dict[str | None, set[UUID]] = {}
    for visitor in visitors:
        runs.setdefault(visitor.session_key, set()).add(visitor.run_id)
    found = {}
    for session_key, run_ids in runs.items():
        user = user_of_session(session_key)
        visible = set(visible_runs(user).filter(pk__in=run_ids).values_list("pk", flat=True))
        for run_id in run_ids - visible:
            code = OUT_OF_SIGHT if user.is_authenticated else SIGNED_OUT
            found[Visitor(session_key, run_id)] = code
    return found


def user_of_session(session_key: str | None) -> User | AnonymousUser:
    """The signed-in user of a session as it stands in the database now.

    As `django.contrib.auth.get_user` does it, which needs a request: the session must still be
    there, the account active, and the password the one that it was signed in with.
    """
    if session_key is None:
        return AnonymousUser()
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    session = store.load()
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return AnonymousUser()
    user = load_backend(session[BACKEND_SESSION_KEY]).get_user(session.get(SESSION_KEY))
    if user is None or not user.is_active:
        return AnonymousUser()
    known = session.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    good = any(constant_time_compare(known, wanted) for wanted in hashes)
    return user if good else AnonymousUser()


class AccessGuard:
    """Asks about everybody who watches through this process (one guard for each event loop)."""

    def __init__(self) -> None:
        self._visitors: dict[object, tuple[Visitor, Callable[[int], Any]]] = {}
        self._task: asyncio.Task | None = None

    def watch(self, key: object, visitor: Visitor, cut: Callable[[int], Any]) -> None:
        """From now on call `cut(close code)` once the visitor may no longer watch."""
        self._visitors[key] = (visitor, cut)
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="access-guard")

    def forget(self, key: object) -> None:
        self._visitors.pop(key, None)
        if not self._visitors and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        answered_at = time.monotonic()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            asked = dict(self._visitors)
            try:
                refused = await database_sync_to_async(refusals)(
                    {visitor for visitor, _ in asked.values()}
                )
                answered_at = time.monotonic()
            except Exception:
                logger.exception("nobody can say who may still watch")
                if time.monotonic() - answered_at < BLIND_AFTER_S:
                    continue
                refused = {visitor: TRY_AGAIN for visitor, _ in asked.values()}
            for visitor, cut in asked.values():
                if visitor in refused:
                    cut(refused[visitor])


_guards: dict[asyncio.AbstractEventLoop, AccessGuard] = {}


def guard() -> AccessGuard:
    return _guards.setdefault(asyncio.get_running_loop(), AccessGuard())
