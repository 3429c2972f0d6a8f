"""What is said on the socket of a run, and its bounds.

Every message is a JSON object with `type`. Each message of the server also carries `seq` (from 1,
without gaps, per connection) and `sent_at` (seconds since the epoch, by the server's clock).

| server says | fields |
|---|---|
| connected | run, level, layout (of the observations, as in a version's signature; null where |
| | the system has none), brain_hash, action_names, newest_episode, dropped, acknowledge |
| episode_start | mode (`live_training`, `replay`), episode_id, survival_steps, ended_at, dropped, |
| | skipped, queue, fresh (false: not sent because it has just ended), and all that the |
| | episode's own start holds (town: curriculum_stage, multiplier, epsilon, layout...) |
| state_update | episode_id, `from` (index of the first step), `count` (at most 64), and `steps`: |
| | one list per field, so that step `from + i` of the episode is entry i of each |
| episode_end | episode_id, and all that the episode's own end holds (town: reason, totals, |
| | visits, transitions, meters_at_end) |
| replay_list | episodes: number, survival_steps, score, stage, reasons, ended_at |
| metrics | after, episodes (columns of the summaries numbered above `after`), metrics_from, |
| | metrics (columns of each from the place `metrics_from` on, in units of progress), |
| | newest_episode, dropped, replays (how many are kept) |
| status | status, wish, reason, done, total, unit, html (the panel, rendered) |
| error | text, and `about`: the type of the message it answers |
| pong | sent (as in the ping), at (the server's clock) |

| client says | fields | what follows |
|---|---|---|
| ack | seq | see below |
| ping | sent | pong |
| pause | | new episodes are held back |
| play | | episodes that end from now on are sent again, unless a replay was asked for |
| step | by | as pause: somebody looks closely |
| set_speed | speed, 0.2 to 10 | nothing: the browser plays by itself; a wrong speed is refused |
| seek | step, from 0 | the batch with that step is sent next, if it is not there yet |
| load_replay | episode | that episode in mode `replay`; new ones are held back |
| list_replays | filters | replay_list |
| follow_latest | | the newest episode, and each one after it |
| catch_up | after, metrics_from | metrics from there on |

The server keeps at most WINDOW_MESSAGES messages or WINDOW_BYTES bytes unacknowledged on the way
to a watcher. `connected.acknowledge` says after how many messages or bytes an `ack` is due. The
web server's own send buffer has no bound, so this is what keeps a browser that does not read
from costing memory. One that stays behind for STALLED_AFTER_S is let go with code 4408.
"""

from __future__ import annotations

from typing import Any

import orjson

from hamlet.errors import Problem, SpecError
from hamlet.schema import Integer, MapOf, Number, Reader, Tagged, Text, validate

BATCH_STEPS = 64
QUEUE_CAPACITY = 10
WINDOW_MESSAGES, WINDOW_BYTES = 32, 256 * 1024
ACKNOWLEDGE = {"messages": 8, "bytes": 64 * 1024}
STALLED_AFTER_S = 30.0

MAX_CLIENT_BYTES = 4096
MESSAGES_PER_S, MESSAGES_AT_ONCE = 20.0, 60.0
COSTS = {"load_replay": 5.0, "list_replays": 3.0, "catch_up": 5.0, "ack": 0.1}  # others: 1

SLOWEST, FASTEST = 0.2, 10.0
MAX_NUMBER = 10**12

# Close codes; a server of websockets may choose its own from 4000 to 4999. The first two tell the
# browser not to come back.
SIGNED_OUT, OUT_OF_SIGHT = 4401, 4404
TOO_SLOW, TOO_LARGE, TOO_MUCH, TRY_AGAIN = 4408, 4413, 4429, 4503


class Plain(Reader):
    """Whatever JSON holds; `training.queries.replay_list` judges the filters."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        return value


CLIENT_MESSAGE = Tagged(
    "type",
    {
        "ack": {"seq": Integer(1, 2**53 - 1)},
        "ping": {"sent": Number(0.0, 1e12)},
        "play": {},
        "pause": {},
        "step": {"by": Integer(-1_000_000, 1_000_000, default=1)},
        "set_speed": {"speed": Number(SLOWEST, FASTEST)},
        "seek": {"step": Integer(0, 1_000_000)},
        "load_replay": {"episode": Integer(1, MAX_NUMBER)},
        "list_replays": {"filters": MapOf(Text(longest=40), Plain(), longest=10, default={})},
        "follow_latest": {},
        "catch_up": {"after": Integer(0, MAX_NUMBER), "metrics_from": Integer(0, MAX_NUMBER)},
    },
)


def read_client_message(text: str | bytes | None) -> dict[str, Any]:
    """Raises: SpecError saying what is wrong with the message."""
    try:
        data = orjson.loads(text or b"")
    except orjson.JSONDecodeError as error:
        raise SpecError([Problem("(message)", f"not valid JSON: {error}")]) from None
    return validate(CLIENT_MESSAGE, data)


class RateBound:
    """A bucket of tokens that fills at a steady rate: bursts are fine, floods are not."""

    def __init__(self, now: float) -> None:
        self._tokens, self._filled_at = MESSAGES_AT_ONCE, now

    def allows(self, kind: str, now: float) -> bool:
        earned = (now - self._filled_at) * MESSAGES_PER_S
        self._tokens = min(MESSAGES_AT_ONCE, self._tokens + earned)
        self._filled_at = now
        cost = COSTS.get(kind, 1.0)
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True
