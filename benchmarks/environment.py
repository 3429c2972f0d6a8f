"""How fast the town steps: batched, against the same town one by one through Gymnasium.

    python -m benchmarks.environment [--quick] [--json FILE]

Everybody plays the same actions, drawn beforehand, and every ended episode is reset inside the
measured time. For each number of environments:

- `batched`: TownEnv, the tensors that a learner uses, with the resets that a learner does;
- `TownVectorEnv`: the same as Gymnasium users get it, numpy in and out, autoreset;
- `one by one`: gymnasium's SyncVectorEnv of as many TownGymEnv;
- `plain`: SyncVectorEnv of the town written for one agent in plain Python (peers/plain_town.py),
  since a town of tensors is at its worst with one row;
- `empty`: SyncVectorEnv of environments that do nothing at all: the ceiling for any town stepped
  this way, in whatever language it is written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from benchmarks.command import add_timing, begin, parser_for
from benchmarks.measuring import Spread, rate, ratio, settle, take_turns
from benchmarks.peers.plain_town import PlainTown
from benchmarks.report import Table, verdict
from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.gym import TownGymEnv, TownVectorEnv
from hamlet.envs.town.packs import load_pack

GOALS = {64: 5.0, 4096: 50.0}
BATCHED, VECTOR, SINGLE, PLAIN, EMPTY = "batched", "TownVectorEnv", "one by one", "plain", "empty"
PREPARED = 64  # vector steps of actions drawn beforehand, then played again and again


class EmptyEnv(gymnasium.Env):
    """Has the town's spaces and does nothing: what Gymnasium's loop costs by itself."""

    def __init__(self, like: gymnasium.Env) -> None:
        self.observation_space, self.action_space = like.observation_space, like.action_space
        self._obs = np.zeros(like.observation_space.shape, np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        return self._obs, {}

    def step(self, action: int):
        return self._obs, 0.0, False, False, {}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("environment", "Town environment steps per second, beside Gymnasium's.")
    parser.add_argument("--levels", nargs="+", default=["L1", "L2", "L3"])
    parser.add_argument("--envs", nargs="+", type=int, default=[1, 64, 4096])
    add_timing(parser, seconds=2.0)
    quick = {"levels": ["L1"], "envs": [1, 8], "seconds": 0.05}
    options, report = begin(parser, argv, quick=quick, packages=["gymnasium"])
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for level in options.levels:
        report.add(compare(level, options, devices))
    report.end()
    return 0


def compare(level: str, options, devices: Sequence[str]) -> Table:
    """Every number of environments of one level, on every device."""
    table = Table(f"Steps per second on {level}, summed over the environments", notes=NOTES)
    for count in options.envs:
        for device in devices:
            contestants = {
                BATCHED: batched(level, count, device, options.seed),
                VECTOR: through(TownVectorEnv(level, count, device=device), options.seed),
                SINGLE: through(one_by_one(partial(TownGymEnv, level), count), options.seed),
                PLAIN: through(one_by_one(partial(PlainTown, level), count), options.seed),
                EMPTY: through(one_by_one(partial(empty, level), count), options.seed),
            }
            timed = {
                name: partial(rate, step, options.seconds, clock=options.clock)
                for name, step in contestants.items()
            }
            table.rows.append(row(count, device, take_turns(timed, options.rounds, unit="steps/s")))
    return table


NOTES = [
    "each cell: median (lowest to highest) of the rounds; ratios are taken round by round",
    "the actions are the same for all and drawn evenly from all eight; illegal ones wait",
    "the peer steps on the CPU also in rows of a GPU: one town on a GPU would only be slower",
]


def row(count: int, device: str, found: dict[str, Spread]) -> dict[str, object]:
    gain = ratio(found[BATCHED], found[SINGLE])
    return {
        "envs": count,
        "device": device,
        **found,
        f"{BATCHED} / {SINGLE}": gain,
        f"{BATCHED} / {PLAIN}": ratio(found[BATCHED], found[PLAIN]),
        f"{BATCHED} / {EMPTY}": ratio(found[BATCHED], found[EMPTY]),
        f"goal for / {SINGLE}": verdict(gain, GOALS[count]) if count in GOALS else "-",
    }


def batched(level: str, count: int, device: str, seed: int) -> Callable[[], int]:
    """One call steps the towns once and resets those that ended."""
    env = TownEnv(load_pack(level).level, count, device=device, seed=seed)
    actions = torch.from_numpy(draw(count, seed)).to(device)
    turn = iter(range(sys.maxsize))

    def step() -> int:
        _, _, terminated, truncated, _ = env.step(actions[next(turn) % PREPARED])
        ended = terminated | truncated
        if bool(ended.any()):
            env.reset(mask=ended)
        return count

    step()
    settle()
    return step


def through(env: VectorEnv, seed: int) -> Callable[[], int]:
    """One call steps a Gymnasium vector environment once; it resets by itself."""
    env.reset(seed=seed)
    actions = draw(env.num_envs, seed)
    turn = iter(range(sys.maxsize))

    def step() -> int:
        env.step(actions[next(turn) % PREPARED])
        return env.num_envs

    step()
    return step


def one_by_one(make: Callable[[], gymnasium.Env], count: int) -> SyncVectorEnv:
    return SyncVectorEnv([make] * count, autoreset_mode=AutoresetMode.SAME_STEP)


def empty(level: str) -> EmptyEnv:
    return EmptyEnv(TownGymEnv(level))


def draw(count: int, seed: int) -> np.ndarray:
    """[PREPARED, count] actions."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(8, (PREPARED, count), generator=generator).numpy()


if __name__ == "__main__":
    sys.exit(main())
