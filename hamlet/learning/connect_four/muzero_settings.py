"""What `advanced_config` of a MuZero run may say beside its architecture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hamlet.errors import Problem
from hamlet.learning.connect_four.alphazero_settings import ITERATIONS, countable
from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Integer, Number, Section
from hamlet.search.settings import SEARCH_SETTINGS

SELF_PLAY = Section(
    {
        "games": Integer(1, 1_000_000, 128),  # finished in one epoch
        "parallel_games": Integer(1, 4096, 64),
        "buffer_games": Integer(1, 1_000_000, 2_000),
        "updates": Integer(1, 1_000_000, 200),  # of one epoch
        "reanalyse_share": Number(0.0, 100.0, 0.25),  # stored games searched again per game played
        "exploration_rate": Number(0.0, 1.0, 0.0),
        "iterations": ITERATIONS,
        "starts": STARTS,
    },
    default={},
)


def _needs_no_rules(cleaned: dict[str, Any]) -> Iterable[Problem]:
    for name, off in (("transposition", False), ("symmetric_evaluation", "off")):
        if cleaned[name] != off:
            message = (
                f"found {cleaned[name]}; below the root a learned model has no positions to "
                f"compare; take {str(off).lower()}"
            )
            yield Problem(name, message)


SEARCH = Section(
    SEARCH_SETTINGS.fields, default={}, rules=(*SEARCH_SETTINGS.rules, countable, _needs_no_rules)
)
SETTINGS = {
    "search": SEARCH,
    "self_play": SELF_PLAY,
    "unroll_steps": Integer(1, 42, 5),
}
