"""How long the best policy of L0 lives, by how far it looks ahead.

    python -m benchmarks.learning.horizon [--gammas 0.99 0.997 ...]

Dynamic programming over energy and the nights that are still paid for, for an agent that stands on
the bed: resting costs energy slowly, a night refills it at once. No learning is involved, so a
gamma whose best policy dies early cannot be mended by learning longer.

Letters: E energies on a grid, K nights that are left, from 0 on.
Source: Bellman 1957, "Dynamic Programming", chapter III.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.report import Table
from hamlet.envs.town.packs import load_pack
from hamlet.envs.town.tables import ACTIONS, AFFORDANCES, INTERACT, METER_ID, METERS, REST

GAMMAS = (0.99, 0.993, 0.995, 0.997, 0.999)
ENERGIES = np.linspace(0.0, 1.0, 2001)
DEAD = 1e-6
SETTLED = 1e-9

BED = next(place for place in AFFORDANCES if place.name == "Bed")
LOSS = METERS[METER_ID["energy"]].base_loss
RESTED = ACTIONS[REST].effect["energy"]
EFFORT = ACTIONS[INTERACT].effect["energy"]
NIGHT = BED.total_effect()["energy"]
NIGHTS = round(METERS[METER_ID["money"]].start / BED.price)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learning.horizon", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--gammas", nargs="+", type=float, default=GAMMAS)
    limit = load_pack("L0").level.max_steps
    table = Table(f"L0: steps that the best policy lives, of {limit:,}")
    for gamma in parser.parse_args(argv).gammas:
        nights = life(best_values(gamma), gamma, limit)
        table.rows.append({"gamma": gamma, "lives": nights[-1], "nights": len(nights) - 1})
    print(table.text())
    return 0


def after_rest(energy):
    return np.minimum(energy + RESTED, 1.0) - LOSS


def after_night(energy):
    return np.minimum(np.maximum(energy + EFFORT, 0.0) + NIGHT, 1.0) - LOSS


def worth(values: np.ndarray, energy, gamma: float):
    """Of having this energy after a step: the reward, which is the energy, and what follows."""
    return np.where(energy > DEAD, energy + gamma * np.interp(energy, ENERGIES, values), 0.0)


def best_values(gamma: float) -> np.ndarray:
    """[K, E] discounted reward of the best policy, by value iteration for each K in turn."""
    values = np.zeros((NIGHTS + 1, len(ENERGIES)))
    for left in range(NIGHTS + 1):
        nights = 0.0 if left == 0 else worth(values[left - 1], after_night(ENERGIES), gamma)
        change = 1.0
        while change > SETTLED:
            better = np.maximum(nights, worth(values[left], after_rest(ENERGIES), gamma))
            change = np.abs(better - values[left]).max()
            values[left] = better
    return values


def life(values: np.ndarray, gamma: float, limit: int) -> list[int]:
    """The steps at which the best policy sleeps, and last the step at which it ends."""
    energy, left, slept = METERS[METER_ID["energy"]].start, NIGHTS, []
    for step in range(limit):
        rested, woken = after_rest(energy), after_night(energy)
        sleeps = left and worth(values[left - 1], woken, gamma) > worth(values[left], rested, gamma)
        energy = float(woken if sleeps else rested)
        if sleeps:
            left -= 1
            slept.append(step)
        if energy <= DEAD:
            return [*slept, step + 1]
    return [*slept, limit]


if __name__ == "__main__":
    sys.exit(main())
