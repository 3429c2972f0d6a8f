"""What `advanced_config` of a Transformer run may say beside its architecture."""

from __future__ import annotations

from hamlet.learning.connect_four.alphazero_settings import SEARCH
from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Choice, Integer, Number, Section

# Of a run without examples: whose play it imitates, and how much of it.
EXPERT = Section(
    {
        # search: self-play by the network with a search; the visits are the policy, and
        # `value_target` says what the value is. solver: positions of random play with perfect
        # answers; the value is win, draw or loss.
        "labels": Choice("search", "solver", default="search"),
        "positions": Integer(1, 10_000_000, 4_096),  # labelled anew in each epoch, at least
        "buffer": Integer(1, 10_000_000, 65_536),  # of the newest positions, to learn from
        "passes": Number(0.0, 100.0, 1.0, above=True),  # over the buffer, in each epoch
        "most_updates": Integer(1, 1_000_000, 2_000),  # of one epoch
        # Of labels from the search:
        "parallel_games": Integer(1, 4096, 64),
        "exploration_rate": Number(0.0, 1.0, 0.0),  # share of plies whose column is drawn evenly
        "precision": Choice("fp32", "bf16", default="fp32"),  # of the network that plays
        # Of labels from the solver; positions with more empty cells are left out, since they
        # take it tens of milliseconds each and soon seconds:
        "most_empty_cells": Integer(1, 42, 24),
        # 0 shares the policy evenly among the columns of the best score; above, the share of a
        # column falls by the factor e for every so many points of score that it is worse.
        "softness": Number(0.0, 100.0, 0.0),
        "starts": STARTS,
    },
    default={},
)
SETTINGS = {
    "search": SEARCH,
    "expert": EXPERT,
    "mirror_weight": Number(0.0, 10.0, 0.1),  # of answering a mirror image differently
    "reply_weight": Number(0.0, 10.0, 0.15),  # of the head that guesses the opponent's answer
    "warm_up_share": Number(0.0, 1.0, 0.05),  # of all updates; the scheduler goes on beneath it
}
