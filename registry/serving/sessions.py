"""Hidden state of recurrent models, kept in Valkey between two questions of a session.

A session belongs to a user and to the version that made its state: other weights would read
numbers that mean nothing to them. It is forgotten some time after its last use. The count and the
size are bounded for each user, in one step with the writing, so that no two requests at once pass
the bound. Of two questions to one session at the same time, one is refused: the state that the
other left would be lost.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import redis
from django.conf import settings

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.serving.errors import (
    SessionConflictError,
    SessionsFullError,
    SessionsUnavailableError,
)
from registry.serving.inputs import Arrays

KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}")

# KEYS: the session, the user's list of sessions. ARGV: number before ("" for a new one), content,
# seconds to live, now, most sessions, name in the list.
# Returns: 1 kept, 0 changed meanwhile, -1 too many sessions.
WRITE = """
local old = redis.call('HGET', KEYS[1], 'number')
if ARGV[1] ~= '*' and (old or '') ~= ARGV[1] then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
if not old and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5])
  and not redis.call('ZSCORE', KEYS[2], ARGV[6]) then return -1 end
redis.call('HINCRBY', KEYS[1], 'number', 1)
redis.call('HSET', KEYS[1], 'content', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4] + ARGV[3], ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
"""


@dataclass(frozen=True)
class Session:
    """State as it was read.

    Attributes:
        number: counts the writes; proves later that nobody wrote meanwhile. steps: questions
            answered with it. version: number of the version that made it.
    """

    number: str
    steps: int
    version_id: int
    version: str
    state: Arrays


@dataclass(frozen=True)
class Wish:
    """What a question says of sessions."""

    key: str
    reset: bool


def read_wish(session: Any, reset: Any) -> Wish | None:
    """Raises: SpecError."""
    if reset is not None and not isinstance(reset, bool):
        message = f"found {describe(reset)}; expected true or false"
        raise SpecError([Problem("session_reset", message)])
    if session is None:
        if reset is not None:
            raise SpecError([Problem("session", "missing; session_reset came without it")])
        return None
    if not isinstance(session, str) or not KEY.fullmatch(session):
        message = f"found {describe(session)}; expected 1 to 64 letters, digits, and . _ : -"
        raise SpecError([Problem("session", message)])
    return Wish(session, bool(reset))


def read(user_id: int, key: str) -> Session | None:
    """Raises: SessionsUnavailableError."""
    with valkey() as client:
        number, content = client.hmget(_session_key(user_id, key), "number", "content")
    if number is None or content is None:
        return None
    return Session(number=number.decode(), **_unpack(content))


def write(
    user_id: int, wish: Wish, before: Session | None, version: tuple[int, str], state: Arrays
) -> Session:
    """Keep the state that follows. Returns: the session as it is now.

    Args: before: as it was read, None if there was none. version: id and number.
    Raises: SessionConflictError if somebody wrote meanwhile; SessionsFullError;
        SessionsUnavailableError.
    """
    steps = 1 if before is None or wish.reset else before.steps + 1
    content = _pack(version, steps, state)
    if len(content) > settings.SESSION_BYTES:
        raise SpecError([Problem("session", _too_large(len(content)))])
    expected = "*" if wish.reset else before.number if before else ""
    kept = _keep(user_id, wish.key, expected, content)
    if kept == 0:
        raise SessionConflictError(
            f"Another request used the session {wish.key} at the same time, and its state counts. "
            "Send the questions of a session one after the other."
        )
    if kept < 0:
        raise SessionsFullError(
            f"You keep {settings.SESSIONS_PER_USER} sessions already. Use one of them again with "
            f"session_reset, or wait: each ends {settings.SESSION_SECONDS} s after its last use.",
            retry_after_s=settings.SESSION_SECONDS,
        )
    return Session("", steps, *version, state)


def _keep(user_id: int, key: str, expected: str, content: bytes) -> int:
    """Returns: as WRITE. Raises: SessionsUnavailableError."""
    names = (_session_key(user_id, key), f"hamlet:sessions:{user_id}")
    with valkey() as client:
        seconds, _ = client.time()
        return client.eval(
            *(WRITE, len(names), *names),
            *(expected, content, settings.SESSION_SECONDS, seconds),
            *(settings.SESSIONS_PER_USER, _digest(key)),
        )


def check_fits(session: Session, key: str, version_id: int, version: str) -> None:
    """Raises: SessionConflictError if another version made the state."""
    if session.version_id != version_id:
        raise SessionConflictError(
            f"The session {key} was begun with version {session.version}, and now {version} "
            "answers. Send session_reset: true to begin anew with it, or name "
            f"version {session.version} to go on."
        )


def describe_session(key: str, session: Session) -> dict[str, Any]:
    return {"key": key, "steps": session.steps, "expires_in_s": settings.SESSION_SECONDS}


@contextmanager
def valkey() -> Iterator[redis.Redis]:
    """Raises: SessionsUnavailableError."""
    try:
        yield _client()
    except redis.RedisError as error:
        raise SessionsUnavailableError(
            "Sessions cannot be kept at this moment: Valkey does not answer. Try again, or pass "
            "the hidden state through request and reply."
        ) from error


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, health_check_interval=30
    )


def _session_key(user_id: int, key: str) -> str:
    return f"hamlet:session:{user_id}:{_digest(key)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _pack(version: tuple[int, str], steps: int, state: Mapping[str, np.ndarray]) -> bytes:
    """A line of JSON that says what follows, then the numbers."""
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in state.items()]
    head = orjson.dumps({"version": version, "steps": steps, "tensors": shapes})
    return b"".join(
        [head, b"\n", *(np.ascontiguousarray(array).tobytes() for array in state.values())]
    )


def _unpack(content: bytes) -> dict[str, Any]:
    head, _, rest = content.partition(b"\n")
    data = orjson.loads(head)
    state, start = {}, 0
    for name, dtype, shape in data["tensors"]:
        count = int(np.prod(shape))
        array = np.frombuffer(rest, dtype, count, start).reshape(shape)
        state[name] = array.copy()  # of its own memory, aligned and writable
        start += array.nbytes
    version_id, version = data["version"]
    return {"steps": data["steps"], "version_id": version_id, "version": version, "state": state}


def _too_large(size: int) -> str:
    return (
        f"its state takes {size} bytes; at most {settings.SESSION_BYTES} are kept for a session. "
        "Ask with fewer rows, or pass the hidden state through request and reply"
    )
