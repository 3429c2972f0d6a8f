"""How fast DQN trains, beside stable-baselines3's DQN doing the same work.

    python -m benchmarks.dqn [--quick] [--json FILE]

Equal on both sides: the town L1, a plain feedforward network [256, 128] with ReLU and without
LayerNorm (stable-baselines3 has none), Adam, smooth L1 loss, no Double DQN, batch 64, replay of
10,000 and full before measuring starts, one update per 4 transitions and at most 8 per vector
step, the target network copied every 100 updates, epsilon 0.05, CPU, threads as printed.

Not equal: ours looks at legal actions only and keeps their masks in the replay; when the dice say
so, stable-baselines3 takes a random action in all environments at once and skips the network.

stable-baselines3 runs on four environments, so that nobody need ask what only the environment
cost: `TownGymEnv` one by one (what the goal is about), the town in plain Python one by one, our
batched town through an adapter, and that once more with the fused Adam kernel that ours uses.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.command import add_timing, begin, parser_for
from benchmarks.measuring import Spread, rate, ratio, take_turns
from benchmarks.peers.plain_town import PlainTown
from benchmarks.peers.sb3 import (
    EPSILON,
    TownsForSB3,
    learns,
    make_dqn,
    one_by_one,
    parameters,
    updates,
)
from benchmarks.report import Table, verdict
from benchmarks.subjects import advances, plain_brain, town_trainer
from hamlet.envs.town.gym import TownGymEnv
from hamlet.envs.town.packs import load_pack
from hamlet.learning.agents import Circumstances
from hamlet.learning.dqn import DQNLearner
from hamlet.sections import merged

LEVEL = "L1"
HIDDEN = [256, 128]
LEARNING_RATE = 2.5e-4
BATCH, EVERY, MOST, SYNC = 64, 4, 8, 100
GOALS = {1: 1.0, 8: 1.0, 64: 3.0}
OURS, AUTOGRAD, SINGLE = "ours", "ours, by autograd", "SB3, one by one"
PLAIN, FAST, TUNED = "SB3, plain town", "SB3, batched town", "SB3, batched, fused Adam"
COST_ENVS = 16  # as in the shipped levels
PIECE = 64  # env steps between two looks at the clock, and at least one vector step with updates


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("dqn", "DQN training steps per second, beside stable-baselines3.")
    parser.add_argument("--envs", nargs="+", type=int, default=[1, 8, 64])
    add_timing(parser, seconds=5.0)
    parser.add_argument("--replay", type=int, default=10_000, help="transitions, filled first")
    quick = {"envs": [1, 8], "seconds": 0.1, "replay": 300}
    packages = ["gymnasium", "stable_baselines3"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    training = Table(f"Training on {LEVEL}: environment steps per second", notes=TRAINING_NOTES)
    learning = Table("Learning alone: updates per second from a full replay", notes=UPDATE_NOTES)
    for count in options.envs:
        ours, peers = contestants(count, options)
        training.rows.append(training_row(count, ours, peers, options))
        if count == max(options.envs):
            learning.rows.append(update_row(ours, peers, options))
    report.add(training)
    report.add(learning)
    report.add(costs(options))
    report.end()
    return 0


TRAINING_NOTES = [
    "each cell: median (lowest to highest) of the rounds; ratios are taken round by round",
    "the last ratio is against the fastest of the four peers of each round",
]
UPDATE_NOTES = [
    f"batch {BATCH}, {MOST} updates at a time, sampling included; nothing is collected meanwhile",
]


def contestants(count: int, options: Namespace) -> tuple[Any, dict[str, Any]]:
    """Our trainer and the four peers, each with a full replay and its first updates done."""
    ours = trainer(count, options)
    towns = {
        SINGLE: one_by_one(partial(TownGymEnv, LEVEL), count),
        PLAIN: one_by_one(partial(PlainTown, LEVEL), count),
        FAST: TownsForSB3(LEVEL, count, options.seed),
        TUNED: TownsForSB3(LEVEL, count, options.seed),
    }
    peers = {
        name: make_dqn(
            env,
            hidden=HIDDEN,
            batch_size=BATCH,
            capacity=options.replay,
            learning_starts=options.replay,
            every=EVERY,
            most_per_step=MOST,
            sync_updates=SYNC,
            learning_rate=LEARNING_RATE,
            seed=options.seed,
            fused=name == TUNED,
        )
        for name, env in towns.items()
    }
    for peer in peers.values():
        learns(peer, options.replay + PIECE * max(1, count // EVERY))()
    return ours, peers


def trainer(
    count: int,
    options: Namespace,
    *,
    curiosity: float = 0.0,
    brain: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Any:
    """Our trainer past its learning starts.

    Args:
        curiosity: weight of intrinsic rewards.
        brain: instead of the plain one. changes: to the plain one, by path.
    """
    settings = {
        "num_envs": count,
        "learning_starts": options.replay,
        "epsilon": {"start": EPSILON, "minimum": EPSILON},
        "intrinsic": {"base_weight": curiosity},
        "update": {"every": EVERY, "most_per_step": MOST},
    }
    sizes = {"batch_size": BATCH, "capacity": options.replay}
    if brain is None:
        changes = {"q_learning__target_update_frequency": SYNC, **changes}
        brain = plain_brain(HIDDEN, learning_rate=LEARNING_RATE, **sizes, **changes)
    brain = merged(brain, {"replay": sizes})
    made = town_trainer(LEVEL, seed=options.seed, brain=brain, training=settings)
    advances(made, count, options.replay + PIECE * max(1, count // EVERY))()
    return made


def training_row(count: int, ours: Any, peers: dict[str, Any], options: Namespace) -> dict:
    piece = max(PIECE, count)
    runs: dict[str, Callable[[], int]] = {OURS: advances(ours, count, piece)}
    runs |= {name: learns(peer, piece) for name, peer in peers.items()}
    timed = {
        name: partial(rate, run, options.seconds, clock=options.clock) for name, run in runs.items()
    }
    found = take_turns(timed, options.rounds, unit="steps/s")
    gain = ratio(found[OURS], found[SINGLE])
    return {
        "envs": count,
        **found,
        f"{OURS} / {SINGLE}": gain,
        f"goal for / {SINGLE}": verdict(gain, GOALS[count]) if count in GOALS else "-",
        f"{OURS} / fastest SB3": ratio(found[OURS], fastest(found, peers)),
    }


def fastest(found: dict[str, Spread], peers: dict[str, Any]) -> Spread:
    """The best peer of each round."""
    return Spread(tuple(map(max, zip(*(found[name].values for name in peers), strict=True))))


def update_row(ours: Any, peers: dict[str, Any], options: Namespace) -> dict:
    now = Circumstances(sparse=ours.env.sparse, share_done=0.0)
    recording = trainer(ours.num_envs, options)
    recording.agent.learner._online = ByAutograd(recording.agent.learner)
    runs = {
        OURS: partial(counted, partial(ours.agent.learn, MOST, now)),
        AUTOGRAD: partial(counted, partial(recording.agent.learn, MOST, now)),
        "SB3": updates(peers[FAST], MOST, BATCH),
        "SB3, fused Adam": updates(peers[TUNED], MOST, BATCH),
    }
    timed = {
        name: partial(rate, run, options.seconds, clock=options.clock) for name, run in runs.items()
    }
    found = take_turns(timed, options.rounds, unit="updates/s")
    return {
        "weights ours / SB3": f"{weights(ours):,} / {parameters(peers[FAST]):,}",
        **found,
        f"{OURS} / {AUTOGRAD}": ratio(found[OURS], found[AUTOGRAD]),
        f"{OURS} / SB3": ratio(found[OURS], found["SB3"]),
        f"{OURS} / SB3, fused Adam": ratio(found[OURS], found["SB3, fused Adam"]),
    }


class ByAutograd:
    """Takes the place of the layers written out: PyTorch records the operations and walks back."""

    def __init__(self, learner: DQNLearner) -> None:
        self.network, self.weights = learner.online, learner._weights

    def forward(self, observations: Tensor) -> Tensor:
        with torch.enable_grad():
            self.q_values, _ = self.network(observations)
        return self.q_values.detach()

    def backward(self, slope: Tensor) -> None:
        self.weights.clear_gradient()
        self.q_values.backward(slope)


def counted(work: Callable[[], Any]) -> int:
    work()
    return MOST


def weights(ours: Any) -> int:
    return sum(weight.numel() for weight in ours.agent.learner.online.parameters())


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "LayerNorm": {"architecture__feedforward__layer_norm": True},
    "Double DQN": {"q_learning__use_double_dqn": True},
    "dueling": {"architecture": {"type": "dueling", "dueling": {"layer_norm": False}}},
    "prioritised replay": {"replay__prioritized": True},
    "3-step returns": {"q_learning__n_step": 3},
    "advantage learning": {"q_learning__advantage_learning": 0.8},
    "symmetries": {"replay__symmetries": True},
    "curiosity (RND)": {"curiosity": 1.0},
}


def costs(options: Namespace) -> Table:
    """What each addition to plain DQN costs."""
    shipped = {"brain": load_pack(LEVEL).brain, "curiosity": 1.0}
    runs = {
        name: advances(trainer(COST_ENVS, options, **changes), COST_ENVS, PIECE)
        for name, changes in {**VARIANTS, f"as {LEVEL} is shipped": shipped}.items()
    }
    timed = {
        name: partial(rate, run, options.seconds, clock=options.clock) for name, run in runs.items()
    }
    found = take_turns(timed, options.rounds, unit="steps/s")
    title = f"What additions cost: ours with {COST_ENVS} environments, steps per second"
    rows = [
        {"variant": name, "steps/s": spread, "time against plain": ratio(found["plain"], spread)}
        for name, spread in found.items()
    ]
    notes = [f"each variant adds one thing to plain DQN; the last is the brain of {LEVEL}"]
    return Table(title, rows, notes)


if __name__ == "__main__":
    sys.exit(main())
