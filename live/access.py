"""Whether a watcher may still watch, asked again every few seconds for as long as it does.

A session that ended, a password that changed, an account that was closed, a role that was taken
away, a class that was left: each cuts the connection within five seconds. All watchers of a process
are asked about together, since a class of a hundred people is one question in one query a person,
not a hundred tasks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from live.protocol import OUT_OF_SIGHT, SIGNED_OUT, TRY_AGAIN
from registry.models import User
from training.queries import visible_runs

logger = logging.getLogger(__name__)

VIEW_RUN = "training.view_run"  # what pages and API ask for, too
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
    visitors = set(visitors)
    users = users_of_sessions({visitor.session_key for visitor in visitors} - {None})
    found, runs = {}, {}
    for visitor in visitors:
        if visitor.session_key in users:
            runs.setdefault(users[visitor.session_key], set()).add(visitor.run_id)
        else:
            found[visitor] = SIGNED_OUT
    may_look = set(User.objects.with_perm(VIEW_RUN).filter(pk__in=[user.pk for user in runs]))
    visible = {
        user: set(visible_runs(user).filter(pk__in=run_ids).values_list("pk", flat=True))
        for user, run_ids in runs.items()
        if user in may_look
    }
    for visitor in visitors - found.keys():
        if visitor.run_id not in visible.get(users[visitor.session_key], ()):
            found[visitor] = OUT_OF_SIGHT
    return found


def users_of_sessions(session_keys: set[str]) -> dict[str, User]:
    """The signed-in users of those sessions that have one, as the database stands now.

    As `django.contrib.auth.get_user` does it for one request: the session must still be there,
    the account active, and the password the one that it was signed in with. Three queries.
    """
    living = Session.objects.filter(expire_date__gt=timezone.now()).in_bulk(session_keys)
    sessions = {key: session.get_decoded() for key, session in living.items()}
    keys = {content[SESSION_KEY] for content in sessions.values() if SESSION_KEY in content}
    found = User.objects.filter(is_active=True).prefetch_related("groups").in_bulk(keys)
    users = {str(key): user for key, user in found.items()}
    return {
        key: users[content[SESSION_KEY]]
        for key, content in sessions.items()
        if content.get(SESSION_KEY) in users and is_signed_in(content, users[content[SESSION_KEY]])
    }


def is_signed_in(content: Mapping[str, Any], user: User) -> bool:
    """Whether a session's content was signed in as this user, with the password of today."""
    if content.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    known = content.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, wanted) for wanted in hashes)


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
