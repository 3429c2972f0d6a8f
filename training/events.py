"""Messages to watchers: one Valkey channel per run.

A message on the wire is three parts: its number and a line feed, a JSON header and a line feed,
and the body, an encoded episode. A message of the kind `news` has no body: it says that the
database tells more than before. Every message of a run has the next number, whoever sends it; by
it a web process that subscribes anew knows an episode it has already from a newer one. Nobody
looks for a lost message: what the database tells is read every few seconds anyway, and a message
only makes that sooner.

Watching is a courtesy: nothing here ever makes a run or a request fail. Trouble with the server
is logged once for each kind of it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import orjson
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

LATEST_EPISODE_SECONDS = 3600
SEQUENCE_SECONDS = 30 * 24 * 3600

# Counting and publishing in one step, so that numbers arrive in their order.
SEND = """
local seq = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local message = string.format('%.0f', seq) .. '\\n' .. ARGV[2]
if KEYS[2] then redis.call('SET', KEYS[2], message, 'EX', ARGV[4]) end
return redis.call('PUBLISH', ARGV[1], message)
"""

_logged: set[str] = set()


@dataclass(frozen=True)
class Message:
    """One message as a watcher gets it.

    Attributes:
        kind: "news" or "episode".
        seq: number within the run, from 1.
        dropped: episodes that the run's worker has dropped so far because they came faster
            than they could be sent; 0 in messages of others.
        sent_at: seconds since the epoch (UTC), by the sender's clock.
        body: of an episode, for `hamlet.recording.decode_episode`; else empty.
    """

    kind: str
    seq: int
    dropped: int
    sent_at: float
    body: bytes


def run_channel(run_id: UUID | str) -> str:
    return f"hamlet:run:{run_id}"


def latest_episode_key(run_id: UUID | str) -> str:
    """Holds the newest encoded episode as a whole message, for a watcher who joins."""
    return f"hamlet:run:{run_id}:latest"


def sequence_key(run_id: UUID | str) -> str:
    return f"hamlet:run:{run_id}:seq"


@cache
def client() -> redis.Redis:
    """The process's connection pool to Valkey. Short time-outs: better no message than waiting."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=2.0,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 1),
    )


def encode_message(kind: str, body: bytes = b"", dropped: int = 0) -> bytes:
    """All of a message but its number, which the server gives."""
    header = orjson.dumps({"kind": kind, "dropped": dropped, "sent_at": time.time()})
    return header + b"\n" + body


def decode_message(data: bytes) -> Message:
    """Raises: ValueError if these are not the bytes of a message."""
    number, _, rest = data.partition(b"\n")
    header_line, found, body = rest.partition(b"\n")
    if not found:
        raise ValueError(f"{len(data)} bytes without the header of a message")
    header = orjson.loads(header_line)
    return Message(
        kind=header["kind"],
        seq=int(number),
        dropped=header["dropped"],
        sent_at=header["sent_at"],
        body=body,
    )


def send(run_id: UUID | str, message: bytes, *, keep_for_joiners: bool = False) -> int:
    """Give the message its number and publish it.

    Returns: how many subscriptions got it. Raises: redis.RedisError.
    """
    keys = [sequence_key(run_id)]
    if keep_for_joiners:
        keys.append(latest_episode_key(run_id))
    arguments = [run_channel(run_id), message, SEQUENCE_SECONDS, LATEST_EPISODE_SECONDS]
    return client().eval(SEND, len(keys), *keys, *arguments)


def watchers(run_id: UUID | str) -> int:
    """Subscriptions to the run's channel: one per web process that shows it.

    Raises: redis.RedisError.
    """
    [(_, count)] = client().pubsub_numsub(run_channel(run_id))
    return count


def publish_news(run_id: UUID | str) -> None:
    """Let whoever shows the run look into the database again, or log that they were not told."""
    try:
        send(run_id, encode_message("news"))
    except redis.RedisError as error:
        log_once(error)


def log_once(error: Exception) -> None:
    """Log trouble with the server when its kind is new, and again after it was gone."""
    kind = type(error).__name__
    if kind not in _logged:
        _logged.add(kind)
        logger.warning("watchers get no messages: %s: %s; training goes on", kind, error)


def sent_again() -> None:
    """The server takes messages again: the next trouble is news once more."""
    if _logged:
        _logged.clear()
        logger.info("watchers get messages again")
