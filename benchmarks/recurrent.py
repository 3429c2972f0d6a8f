"""How fast a learner with memory trains, beside sb3-contrib's RecurrentPPO.

    python -m benchmarks.recurrent [--quick] [--json FILE]

Both play the town L2 (a 5x5 window) with an LSTM of 256. The algorithms differ, and there is no
recurrent DQN among the libraries that people use: ours learns off-policy from replayed sequences
(16 of 8 + 16 steps per update, one update per 4 transitions, at most 8 per vector step), theirs
on-policy, ten times from each step (128 steps per environment, batches of 128). So the table says
how many steps each one learns from for every step it plays. As shipped, ours learns from 64, theirs
from 10. `ours, equal learning` updates so seldom that it learns from ten as well.
Networks as shipped by each: ours has a convolution in front and one LSTM, theirs a flat input and
two LSTMs, one for the actor and one for the critic.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.command import add_timing, begin, parser_for
from benchmarks.measuring import rate, ratio, take_turns
from benchmarks.peers.sb3 import TownsForSB3, learns, make_recurrent, one_by_one, parameters
from benchmarks.report import Table, verdict
from benchmarks.subjects import advances, town_trainer
from hamlet.envs.town.gym import TownGymEnv

LEVEL = "L2"
HIDDEN_SIZE = 256
OURS, EQUAL = "ours", "ours, equal learning"
SINGLE, FAST = "RecurrentPPO, one by one", "RecurrentPPO, batched town"
GOAL = 1.0  # ahead of it
EQUAL_EVERY = 26  # 16 x 16 learned steps per 26 played are 9.85 for each


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("recurrent", "Recurrent training, beside sb3-contrib's.", rounds=3)
    parser.add_argument("--envs", nargs="+", type=int, default=[1, 8])
    add_timing(parser, seconds=10.0)
    parser.add_argument("--replay", type=int, default=10_000, help="steps, filled first")
    parser.add_argument("--rollout", type=int, default=128, help="of RecurrentPPO")
    quick = {"envs": [2], "seconds": 0.1, "replay": 400, "rollout": 16}
    packages = ["gymnasium", "stable_baselines3", "sb3_contrib"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    table = Table(f"Recurrent training on {LEVEL}: environment steps per second", notes=NOTES)
    table.rows = [row(count, options) for count in options.envs]
    report.add(table)
    report.end()
    return 0


NOTES = [
    "each cell: median (lowest to highest) of the rounds; ratios are taken round by round",
    "learned from: trained steps per step played; ours counts 16 sequences of 16 per update, the "
    "8 steps of burn-in not included; no curiosity",
]


def row(count: int, options: Namespace) -> dict:
    ours = {OURS: trainer(count, options), EQUAL: trainer(count, options, every=EQUAL_EVERY)}
    peers = {
        SINGLE: one_by_one(partial(TownGymEnv, LEVEL), count),
        FAST: TownsForSB3(LEVEL, count, options.seed),
    }
    models = {name: peer(env, options) for name, env in peers.items()}
    piece = max(count, 16)
    runs: dict[str, Callable[[], int]] = {
        name: advances(own, count, piece) for name, own in ours.items()
    }
    # RecurrentPPO collects a whole rollout and then learns from it: no smaller piece is fair.
    rollout = options.rollout * count
    runs |= {name: learns(model, rollout) for name, model in models.items()}
    timed = {
        name: partial(rate, run, options.seconds, clock=options.clock, at_least=1)
        for name, run in runs.items()
    }
    found = take_turns(timed, options.rounds, unit="steps/s")
    gain = ratio(found[OURS], found[SINGLE])
    mine, theirs = learned_from(ours[OURS], count), models[FAST].n_epochs
    return {
        "envs": count,
        "weights ours / theirs": f"{weights(ours[OURS]):,} / {parameters(models[FAST]):,}",
        **found,
        f"{OURS} / {SINGLE}": gain,
        "goal": verdict(gain, GOAL),
        "learned from, ours / theirs": f"{mine:.3g} / {theirs}",
        f"{EQUAL} / {SINGLE}": ratio(found[EQUAL], found[SINGLE]),
        f"{EQUAL} / {FAST}": ratio(found[EQUAL], found[FAST]),
    }


def peer(env: Any, options: Namespace) -> Any:
    """RecurrentPPO after its first round of learning."""
    model = make_recurrent(env, hidden_size=HIDDEN_SIZE, rollout=options.rollout, seed=options.seed)
    learns(model, options.rollout * env.num_envs)()
    return model


def trainer(count: int, options: Namespace, every: int = 4) -> Any:
    """Ours with the level's own brain, with its replay full and its first updates done.

    Args: every: transitions for each update.
    """
    made = town_trainer(
        LEVEL,
        seed=options.seed,
        brain={"replay": {"capacity": options.replay}},
        training={
            "num_envs": count,
            "learning_starts": options.replay,
            "intrinsic": {"base_weight": 0.0},
            "update": {"every": every},
        },
    )
    advances(made, count, options.replay + max(every, 4 * count))()
    return made


def learned_from(trainer: Any, count: int) -> float:
    """Trained steps per step played, at the trainer's own schedule."""
    content = trainer.spec.content
    update, replay = content["training"]["update"], content["brain"]["replay"]
    per_step = min(count / update["every"], update["most_per_step"]) / count
    return per_step * replay["batch_size"] * replay["sequence_length"]


def weights(trainer: Any) -> int:
    return sum(weight.numel() for weight in trainer.agent.learner.online.parameters())


if __name__ == "__main__":
    sys.exit(main())
