"""What `advanced_config` of a PPO run may say beside its architecture."""

from __future__ import annotations

from hamlet.learning.connect_four.start_setting import STARTS
from hamlet.schema import Integer, Number

SETTINGS = {
    # Of the whole run, in equal parts per epoch; each is a move and the opponent's answer.
    "env_steps": Integer(1, 10**10, 400_000),
    "parallel_games": Integer(1, 4096, 64),
    "rollout_steps": Integer(1, 4096, 32),  # of each game between two rounds of updates
    "discount": Number(0.0, 1.0, 1.0),
    "trace_decay": Number(0.0, 1.0, 0.95),
    "clip": Number(0.0, 1.0, 0.2, above=True),
    "entropy_weight": Number(0.0, 1.0, 0.01),
    "value_weight": Number(0.0, 10.0, 0.5),
    "passes": Integer(1, 100, 4),  # over each rollout
    "pool": Integer(1, 1000, 10),  # past versions to play against
    "newest_share": Number(0.0, 1.0, 0.5),  # of games against the newest version
    "cloning_epochs": Integer(0, 10_000, 5),  # from examples, before the first env step
    "starts": STARTS,
    # Random moves before each game, up to so many: no two games are alike then.
    "opening_plies": Integer(0, 36, 0),
}
