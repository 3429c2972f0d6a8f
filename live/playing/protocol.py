"""What is said on the socket of the play page.

| server says | fields |
|---|---|
| thinking | id, and the answer so far: visits, policy, value, simulations (of a search alone) |
| thought | id, move (0 to 6), policy, value, ms, title, and of a search visits, network_policy, |
| | simulations, line; of a version model and version |
| pong | |
| error | id (null if none was read), text |

| client says | fields | what follows |
|---|---|---|
| think | id, board (moves as digits 1 to 7), opponent, search | thinking, then thought or error |
| stop | | the thinking that goes on ends with what it has |
| ping | | pong: so a page tells a long thought from a connection that is dead |

`opponent` is {"name": "solver"} or {"model": ..., "version": ...}; `search` is {"simulations": n,
"time_limit_ms": n}, or null for the network alone. The server keeps nothing of a game: each
question brings all moves, so a connection that breaks costs nothing but the thought under way.
"""

from __future__ import annotations

from typing import Any

import orjson

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Integer, Section, Tagged, Text, validate
from live.playing.opponents import NAMED

MAX_CLIENT_BYTES = 2048
MOST_SIMULATIONS, MOST_MS = 10_000, 10_000

OPPONENT = Section(
    {
        "name": Choice(*(named.name for named in NAMED), default=None, optional=True),
        "model": Text(None, longest=100, optional=True),
        "version": Text(None, longest=50, optional=True),
    }
)
CLIENT_MESSAGE = Tagged(
    "type",
    {
        "think": {
            "id": Integer(0, 2**53 - 1),
            "board": Text(longest=42, pattern=r"[1-7]*", shape="moves as digits 1 to 7"),
            "opponent": OPPONENT,
            "search": Section(
                {
                    "simulations": Integer(1, MOST_SIMULATIONS),
                    "time_limit_ms": Integer(1, MOST_MS, 2_000),
                },
                default=None,
                optional=True,
            ),
        },
        "stop": {},
        "ping": {},
    },
)


def read_client_message(text: str | bytes | None) -> dict[str, Any]:
    """Raises: SpecError saying what is wrong with the message."""
    try:
        data = orjson.loads(text or b"")
    except orjson.JSONDecodeError as error:
        raise SpecError([Problem("(message)", f"not valid JSON: {error}")]) from None
    read = validate(CLIENT_MESSAGE, data)
    if read["type"] == "think":
        opponent = read["opponent"]
        named, version = opponent["name"], (opponent["model"], opponent["version"])
        if (named is None) == (None in version):
            message = "expected either a name, or a model with its version"
            raise SpecError([Problem("opponent", message)])
    return read
