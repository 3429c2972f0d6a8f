"""The same seed gives the same town, whatever the batch; a saved town goes on as if never left."""

import pytest
import torch

from hamlet.envs.town import TownEnv, list_levels, load_pack
from hamlet.errors import CheckpointError
from tests.town.towns import act, make_level, random_legal

FIELDS = ("cell", "meters", "hour", "progress", "steps", "terminated", "truncated")


def trajectory(env: TownEnv, steps: int, seed: int) -> list[torch.Tensor]:
    """Everything that a learner sees of a random play with resets."""
    generator = torch.Generator().manual_seed(seed)
    seen = [env.obs]
    for _ in range(steps):
        obs, streams, terminated, truncated, info = env.step(random_legal(env, generator))
        seen += [obs, streams.extrinsic, streams.shaping, terminated, truncated]
        seen += [info[name] for name in sorted(info)]
        if bool((terminated | truncated).any()):
            seen.append(env.reset(terminated | truncated))
    return seen


def equal(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(a.equal(b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("name", list_levels())
def test_same_seed_gives_the_same_trajectory_twice(name):
    level = load_pack(name).level
    one, two = (trajectory(TownEnv(level, 4, seed=9), 200, 1) for _ in range(2))
    assert equal(one, two)
    other = trajectory(TownEnv(level, 4, seed=10), 200, 1)
    assert not one[0].equal(other[0])


def test_reset_with_a_seed_starts_over():
    level = load_pack("L3").level
    env = TownEnv(level, 4, seed=9)
    first = trajectory(env, 50, 1)
    env.reset(seed=9)
    assert equal(first, trajectory(env, 50, 1))


def test_nothing_but_the_own_generator_is_drawn_from():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trajectory(TownEnv(load_pack("L3").level, 4, seed=9), 30, 1)
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("name", list_levels())
def test_batch_size_does_not_change_a_trajectory(name):
    """Each row of a batch, taken out and played alone with its own actions, lives the same life.

    Bit for bit: a batch of 1, of 7 and of 64 must round alike.
    """
    level = load_pack(name).level
    batch = TownEnv(level, 64, seed=2)
    rows = [0, 3, 63]
    few = TownEnv(level, 7, seed=99)
    alone = [TownEnv(level, 1, seed=100 + row) for row in rows]
    saved = batch.state_dict()
    few.load_state_dict(rows_of(saved, range(7)))
    for env, row in zip(alone, rows, strict=True):
        env.load_state_dict(rows_of(saved, [row]))
    generator = torch.Generator().manual_seed(3)
    for _ in range(250):
        actions = random_legal(batch, generator)
        obs, streams, *_ = batch.step(actions)
        few_obs, few_streams, *_ = few.step(actions[:7])
        assert few_obs.equal(obs[:7])
        assert few_streams.extrinsic.equal(streams.extrinsic[:7])
        for env, row in zip(alone, rows, strict=True):
            own_obs, own_streams, *_ = env.step(actions[row : row + 1])
            assert own_obs.equal(obs[row : row + 1])
            assert own_streams.extrinsic.equal(streams.extrinsic[row : row + 1])
    assert batch.terminated.any()


def rows_of(saved: dict, rows) -> dict:
    """The saved state of some rows, as a smaller town's."""
    whole = ("level_hash", "generator")
    return {key: value if key in whole else value[list(rows)] for key, value in saved.items()}


def test_first_row_starts_alike_in_any_batch():
    level = load_pack("L3").level
    starts = [TownEnv(level, count, seed=5).obs[0] for count in (1, 2, 16, 300)]
    assert all(start.equal(starts[0]) for start in starts)


def test_seed_of_its_own_gives_a_row_the_same_episode_in_any_batch():
    level = load_pack("L3").level
    seeds = [11, 12, 13, 14]
    batch = TownEnv(level, 4, seed=seeds)
    for row, seed in enumerate(seeds):
        assert TownEnv(level, 1, seed=seed).obs[0].equal(batch.obs[row])
    shuffled = TownEnv(level, 4, seed=[14, 11, 13, 12])
    assert shuffled.obs[0].equal(batch.obs[3])


def test_seeds_go_to_the_chosen_rows_in_order():
    env = TownEnv(load_pack("L1").level, 3, seed=1)
    kept = env.obs[1].clone()
    env.reset(torch.tensor([True, False, True]), seed=[7, 8])
    assert env.obs[1].equal(kept)
    assert env.obs[0].equal(TownEnv(env.level, 1, seed=7).obs[0])
    assert env.obs[2].equal(TownEnv(env.level, 1, seed=8).obs[0])


@pytest.mark.parametrize("name", list_levels())
def test_saved_town_goes_on_as_if_never_left(name):
    shaping = {"approach": 0.1, "balance": 0.1, "diversity": 0.2, "completion": 0.3}
    level = make_level(name, shaping=shaping)
    env = TownEnv(level, 5, seed=4)
    env.set_stage(["energy", "money", "mood"], 0.7, rows=torch.tensor([0, 1, 0, 1, 0]).bool())
    env.set_stage(sparse=True, rows=torch.tensor([0, 0, 1, 0, 0]).bool())
    trajectory(env, 120, 5)
    saved = env.state_dict()
    expected = trajectory(env, 150, 6)

    other = TownEnv(level, 5, seed=77)
    other.load_state_dict(saved)
    assert equal(expected, trajectory(other, 150, 6))
    env.load_state_dict(saved)
    assert equal(expected, trajectory(env, 150, 6))


def test_saved_state_is_a_copy():
    env = TownEnv(load_pack("L1").level, 2, seed=4)
    saved = env.state_dict()
    copy = {key: v.clone() if isinstance(v, torch.Tensor) else v for key, v in saved.items()}
    act(env, "WAIT", "REST")
    env.reset()
    for key, value in saved.items():
        assert value.equal(copy[key]) if isinstance(value, torch.Tensor) else value == copy[key]


def state_with(**changes) -> dict:
    saved = TownEnv(load_pack("L1").level, 2, seed=4).state_dict()
    return {**saved, **changes}


BAD_STATES = [
    (state_with(level_hash="sha256:0"), "found level sha256:0"),
    ({k: v for k, v in state_with().items() if k != "cell"}, "missing or unknown: cell"),
    (state_with(extra=1), "missing or unknown: extra"),
    (state_with(cell=torch.zeros(3, dtype=torch.int64)), r"cell: found torch.int64 \[3\]"),
    (state_with(cell=torch.zeros(2)), "cell: found torch.float32"),
    (state_with(cell=[0, 0]), "cell: found <class 'list'>"),
    (state_with(cell=torch.tensor([0, 64])), "cell: found values outside"),
    (state_with(cell=torch.tensor([-1, 0])), "cell: found values outside"),
    (state_with(places=torch.full((2, 14), 64)), "places: found values outside"),
    (state_with(hour=torch.tensor([24, 0])), "hour: found values outside"),
    (state_with(progress=torch.tensor([8, 0])), "progress: found values outside"),
    (state_with(steps=torch.tensor([501, 0])), "steps: found values outside"),
    (state_with(meters=torch.full((2, 8), float("nan"))), "meters: found values outside"),
    (state_with(meters=torch.full((2, 8), 1.5)), "meters: found values outside"),
    (state_with(multiplier=torch.tensor([-1.0, 1.0])), "multiplier: found values outside"),
    (state_with(generator=torch.zeros(3, dtype=torch.uint8)), "generator's state is damaged"),
    (state_with(generator="x"), "generator's state is damaged"),
]


@pytest.mark.parametrize(("saved", "message"), BAD_STATES, ids=[m[:30] for _, m in BAD_STATES])
def test_damaged_state_is_refused_and_changes_nothing(saved, message):
    env = TownEnv(load_pack("L1").level, 2, seed=8)
    act(env, "WAIT")
    before = env.state_dict()
    with pytest.raises(CheckpointError, match=message):
        env.load_state_dict(saved)
    after = env.state_dict()
    for key, value in before.items():
        assert value.equal(after[key]) if isinstance(value, torch.Tensor) else value == after[key]
