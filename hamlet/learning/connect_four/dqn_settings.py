"""What `advanced_config` of a DQN run may say beside its architecture."""

from __future__ import annotations

from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Integer, Number, Section

SETTINGS = {
    # Of the whole run, in equal parts per epoch; each is one move of one side.
    "env_steps": Integer(1, 10**10, 400_000),
    "parallel_games": Integer(1, 4096, 64),
    "discount": Number(0.0, 1.0, 0.99),
    "n_steps": Integer(1, 42, 3),  # plies, of either side
    "replay": Section(
        {
            "capacity": Integer(1, 10_000_000, 100_000),
            "alpha": Number(0.0, 1.0, 0.6),
            "beta_start": Number(0.0, 1.0, 0.4),
            "beta_end": Number(0.0, 1.0, 1.0),
        },
        default={},
    ),
    "epsilon": Section(
        {
            "start": Number(0.0, 1.0, 1.0),
            "end": Number(0.0, 1.0, 0.05),
            "share": Number(0.0, 1.0, 0.5, above=True),  # of the run until `end` is reached
        },
        default={},
    ),
    "learning_starts": Integer(0, 10**9, 2_000),  # env steps
    "env_steps_per_update": Integer(1, 10**6, 64),
    "target_every": Integer(1, 10**6, 500),  # updates
    # Updates from examples alone, before the first env step; none where there are no examples.
    "demonstration_updates": Integer(0, 10**6, 1_000),
    "starts": STARTS,
    # Random moves before each game, up to so many: no two games are alike then.
    "opening_plies": Integer(0, 36, 0),
}
