"""What `advanced_config` of an AlphaZero run may say beside its architecture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hamlet.errors import Problem
from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Choice, Integer, Number, Section
from hamlet.search.settings import SEARCH_SETTINGS

MOST_VISITS = 65_535  # of one search; as in hamlet.search.self_play_games


def countable(cleaned: dict[str, Any]) -> Iterable[Problem]:
    if cleaned["simulations"] > MOST_VISITS:
        message = f"found {cleaned['simulations']}; games keep visits in 16 bits, so take at most "
        yield Problem("simulations", f"{message}{MOST_VISITS}")


def _growing(cleaned: dict[str, Any]) -> Iterable[Problem]:
    first, last = cleaned["buffer_first"], cleaned["buffer_last"]
    if last < first:
        message = f"found {last}, less than buffer_first {first}; a buffer grows or stays"
        yield Problem("buffer_last", message)


# Of a run with examples: how many of its epochs, the last ones, are self-play; None: none. Without
# examples every epoch is, and no other number fits.
ITERATIONS = Integer(0, 1_000_000, None, optional=True)
SELF_PLAY = Section(
    {
        "games": Integer(1, 1_000_000, 128),  # finished in one epoch, which is one iteration
        "parallel_games": Integer(1, 4096, 64),
        "buffer_first": Integer(1, 10_000_000, 20_000),  # positions kept in the first epoch
        "buffer_last": Integer(1, 10_000_000, 100_000),  # and in the last; it grows evenly
        "passes": Number(0.0, 100.0, 2.0, above=True),  # over the buffer, in each epoch
        "most_updates": Integer(1, 1_000_000, 2_000),  # of one epoch
        "exploration_rate": Number(0.0, 1.0, 0.0),
        "precision": Choice("fp32", "bf16", default="fp32"),  # of the network that plays
        "iterations": ITERATIONS,
        "starts": STARTS,
    },
    default={},
    rules=(_growing,),
)
SEARCH = Section(SEARCH_SETTINGS.fields, default={}, rules=(*SEARCH_SETTINGS.rules, countable))
ARENA = Section(
    {
        "games": Integer(2, 10_000, 128),
        "accept_from": Number(-1.0, 1.0, 0.05),  # mean result of the new network
        "simulations": Integer(1, 10_000, 64),
    },
    default={},
)
SETTINGS = {"search": SEARCH, "self_play": SELF_PLAY, "arena": ARENA}
