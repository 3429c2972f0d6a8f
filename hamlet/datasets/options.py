"""What may be chosen when a dataset is built; every choice is written into its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hamlet.datasets.game_records import read_time
from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Flag, Integer, ListOf, Number, Section, Text, validate

OUTCOME, DISCOUNTED, SEARCH, MIXED = "outcome", "discounted", "search", "mixed"
VALUE_TARGETS = (OUTCOME, DISCOUNTED, SEARCH, MIXED)
NO_ROTATION = "stones fall down; a turned board is not a position of this game"
MOST_EXAMPLES = 100_000_000
MOST_NAMED_GAMES = 100_000
HIGHEST_ENTROPY = 2.0  # nats; ln 7 = 1.95 is the most a policy over 7 columns has

AUGMENTATION = Section(
    {
        "flip": Flag(default=False),
        "noise": Flag(default=False),
        "smoothing": Flag(default=False),
    },
    default={},
    refused={"rotate": NO_ROTATION, "rotation": NO_ROTATION},
)


def _ordered(read: dict[str, Any]) -> Iterator[Problem]:
    low, high = read["min_policy_entropy"], read["max_policy_entropy"]
    if low is not None and high is not None and low > high:
        message = f"found {low:g}, above max_policy_entropy {high:g}; nothing would be left"
        yield Problem("min_policy_entropy", message)


def _ordered_dates(read: dict[str, Any]) -> Iterator[Problem]:
    times = []
    for name in ("from", "to"):
        if read[name] is not None:
            try:
                times.append(read_time(read[name], name))
            except SpecError as error:
                yield error.problems[0]
    if len(times) == 2 and times[0] > times[1]:
        yield Problem("from", "lies after `to`; nothing would be left")


FILTERS = Section(
    {
        "min_weight": Number(0, 1e9, default=None, optional=True),
        "min_policy_entropy": Number(0, HIGHEST_ENTROPY, default=None, optional=True),
        "max_policy_entropy": Number(0, HIGHEST_ENTROPY, default=None, optional=True),
        "max_value_spread": Number(0, 2, default=None, optional=True),
        "max_abs_value": Number(0, 1, default=None, optional=True),
        "min_rating": Number(0, 5000, default=None, optional=True),
        "min_length": Integer(0, 42, default=None, optional=True),
        "include_human_games": Flag(default=True),
        "include_self_play": Flag(default=True),
        "date_range": Section(
            {
                "from": Text(default=None, longest=40, optional=True),
                "to": Text(default=None, longest=40, optional=True),
            },
            default=None,
            optional=True,
            rules=[_ordered_dates],
        ),
        "game_ids": ListOf(Text(longest=64), longest=MOST_NAMED_GAMES, default=None, optional=True),
    },
    default={},
    rules=[_ordered],
)
OPTIONS = Section(
    {
        "value_target": Choice(*VALUE_TARGETS, default=OUTCOME),
        "value_decay": Number(0, 1, default=0.95, above=True),
        "only_winner_moves": Flag(default=False),
        "include_policy": Flag(default=False),
        "deduplicate": Flag(default=True),
        "filters": FILTERS,
        "balance": Flag(default=False),
        "augment": AUGMENTATION,
        "max_examples": Integer(1, MOST_EXAMPLES, default=None, optional=True),
    },
    refused={"rotate": NO_ROTATION},
)


def read_options(data: Any, path: str = "options") -> dict[str, Any]:
    """The options with their defaults written out. Raises: SpecError naming every fault."""
    return validate(OPTIONS, {} if data is None else data, path)
