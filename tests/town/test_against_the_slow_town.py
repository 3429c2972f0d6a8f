"""The batched town does, row by row, what a slow town written from the specification does."""

import pytest
import torch

from hamlet.envs.town import TownEnv, TownLevel, list_levels, load_pack
from hamlet.envs.town.tables import AFFORDANCE_NAMES, AFFORDANCES
from tests.town.reference import ACTIONS, METERS, PLACES, SlowTown
from tests.town.towns import make_level, random_legal

ROWS = 5


def slow_towns(env: TownEnv) -> list[SlowTown]:
    towns = [SlowTown(env.level.to_data()) for _ in range(env.num_envs)]
    for row in range(env.num_envs):
        take_over(env, row, towns[row])
    return towns


def take_over(env: TownEnv, row: int, town: SlowTown) -> None:
    """Set a slow town to one row of the fast one; small differences must not add up."""
    width = env.level.width
    town.x, town.y = int(env.cell[row]) % width, int(env.cell[row]) // width
    town.hour, town.progress = int(env.hour[row]), int(env.progress[row])
    town.steps = int(env.steps[row])
    town.meters = dict(zip(METERS, env.meters[row].tolist(), strict=True))
    cells = env.places[row].tolist()
    town.places = {
        (cell % width, cell // width): PLACES[kind] for kind, cell in enumerate(cells) if cell >= 0
    }


def compare(level: TownLevel, steps: int, seed: int) -> None:
    env = TownEnv(level, ROWS, seed=seed, debug=True)
    generator = torch.Generator().manual_seed(seed)
    towns = slow_towns(env)
    for _ in range(steps):
        for row, town in enumerate(towns):
            take_over(env, row, town)
            assert town.mask() == env.action_mask[row].tolist()
        actions = random_legal(env, generator)
        _, _, terminated, truncated, info = env.step(actions)
        for row, town in enumerate(towns):
            told = town.step(ACTIONS[int(actions[row])])
            assert env.meters[row].tolist() == pytest.approx(list(town.meters.values()), abs=3e-6)
            assert (int(env.cell[row]), int(env.hour[row]), int(env.progress[row])) == (
                town.y * level.width + town.x,
                town.hour,
                town.progress,
            )
            assert (bool(terminated[row]), bool(truncated[row])) == (told["died"], told["retired"])
            used = int(info["affordance"][row])
            assert (AFFORDANCE_NAMES[used] if used >= 0 else None) == told["used"]
            assert bool(info["completed"][row]) == told["completed"]
            assert bool(info["refused_poor"][row]) == told["poor"]
        env.reset(terminated | truncated)


@pytest.mark.parametrize("name", list_levels())
def test_shipped_level(name):
    compare(load_pack(name).level, steps=300, seed=11)


def test_crowded_town_with_a_clock():
    """Two rows of seven: an agent is nearly always on some place, in or out of its hours."""
    level = make_level("L3", grid={"width": 7, "height": 2}, max_steps=150)
    compare(level, steps=500, seed=12)


def test_crowded_town_of_the_poor_and_unwell():
    """Low meters from the start: cascades, deaths by both meters, empty pockets."""
    low = dict.fromkeys(METERS, 0.2) | {"energy": 0.5, "health": 0.15, "money": 0.1}
    level = make_level("L1", grid={"width": 4, "height": 4}, start=low, max_steps=60)
    compare(level, steps=400, seed=13)


def test_town_in_which_some_meters_rest():
    level = make_level(
        "L3",
        grid={"width": 4, "height": 4},
        active_meters=["energy", "hygiene", "satiation", "health"],
        start={"mood": 0.1, "fitness": 0.4, "social": 0.0, "hygiene": 0.4, "satiation": 0.3},
    )
    compare(level, steps=300, seed=14)


def test_vocabulary_is_the_specification_s():
    assert len(AFFORDANCES) == len(PLACES) == 14
    for ours, theirs in zip(AFFORDANCES, PLACES, strict=True):
        assert (ours.name, ours.price, ours.tick_price, ours.ticks) == (
            theirs.name,
            theirs.price,
            theirs.tick_price,
            theirs.ticks,
        )
        assert ours.per_tick == theirs.per_tick
        assert ours.on_completion == theirs.completion
        assert (ours.opens, ours.closes) == (theirs.opens, theirs.closes)
