"""What `advanced_config` of an ensemble may say: its members, each with a config of its own."""

from __future__ import annotations

from collections.abc import Mapping

from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Integer, ListOf, Section, Unread

MOST_MEMBERS = 16
DEFAULT_MEMBERS = [{"model_type": "alphazero"}, {"model_type": "transformer"}]
# Where no examples are held back, the weights are fitted on positions of random play that no
# member has learned from, with the answers of the solver.
FITTING = Section(
    {
        "positions": Integer(1, 1_000_000, 2_048),
        "most_empty_cells": Integer(1, 42, 24),  # the solver takes long for more
        "starts": STARTS,
    },
    default={},
)
SETTINGS = {
    "members": ListOf(
        Unread(Mapping, "a config with its model_type"),
        shortest=2,
        longest=MOST_MEMBERS,
        default=DEFAULT_MEMBERS,
    ),
    "fitting": FITTING,
}
