"""The town behind Gymnasium's interfaces lives the same life as the batched one."""

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from hamlet.envs.town import TownEnv, list_levels, load_pack
from hamlet.envs.town.gym import TownGymEnv, TownVectorEnv, observation_box
from hamlet.errors import ShapeError
from tests.town.towns import make_level, random_legal


@pytest.mark.parametrize("name", list_levels())
def test_gymnasium_s_own_check_passes_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(TownGymEnv(name), skip_render_check=True)


@pytest.mark.parametrize("encoding", ["planes", "scalar"])
def test_bounds_are_per_number(encoding):
    level = make_level("L3", grid_encoding=encoding)
    box = observation_box(level)
    layout = TownEnv(level, 1).layout
    clock, grid = layout.group("clock"), layout.group("grid")
    assert box.low[clock.slice].tolist() == [-1.0, -1.0, 0.0, 0.0]
    assert box.low[: clock.start].max() == 0.0
    assert box.high[grid.slice].tolist() == [2.0 if encoding == "scalar" else 1.0] * grid.size
    assert box.high[grid.stop :].tolist() == [1.0] * 29


def batched(level, count: int, actions: list[torch.Tensor], seed: int) -> list[tuple]:
    """Play given actions, resetting rows that end: obs, reward, ends and mask of each step."""
    env = TownEnv(level, count, seed=seed)
    seen = [(env.obs.numpy(), env.action_mask.numpy())]
    for action in actions:
        obs, streams, terminated, truncated, _ = env.step(action)
        ended = terminated | truncated
        final = obs[ended].numpy()
        if bool(ended.any()):
            obs = env.reset(ended)
        reward = (streams.extrinsic.double() + streams.shaping.double()).numpy()
        seen.append(
            (obs.numpy(), reward, terminated.numpy(), truncated.numpy(), final)
            + (env.action_mask.numpy(),)
        )
    return seen


def legal_actions(level, count: int, steps: int, seed: int) -> list[torch.Tensor]:
    """Actions that a random player chose in the same towns, through several episodes."""
    env, generator = TownEnv(level, count, seed=seed), torch.Generator().manual_seed(seed)
    chosen = []
    for _ in range(steps):
        chosen.append(random_legal(env, generator))
        _, _, terminated, truncated, _ = env.step(chosen[-1])
        env.reset(terminated | truncated)
    return chosen


@pytest.mark.parametrize("name", ["L0", "L1", "L3"])
def test_vector_and_batched_trajectories_are_identical(name):
    level = make_level(name, max_steps=90, shaping={"balance": 0.1})
    actions = legal_actions(level, 5, 200, seed=3)
    expected = batched(level, 5, actions, seed=3)
    env = TownVectorEnv(level, 5)
    obs, infos = env.reset(seed=3)
    assert np.array_equal(obs, expected[0][0])
    assert np.array_equal(infos["action_mask"], expected[0][1])
    ends = 0
    for action, (own_obs, reward, terminated, truncated, final, mask) in zip(
        actions, expected[1:], strict=True
    ):
        obs, rewards, terminations, truncations, infos = env.step(action.numpy())
        assert np.array_equal(obs, own_obs)
        assert np.array_equal(rewards, reward)
        assert np.array_equal(terminations, terminated)
        assert np.array_equal(truncations, truncated)
        assert np.array_equal(infos["action_mask"], mask)
        ended = terminated | truncated
        assert ("final_obs" in infos) == ended.any()
        if ended.any():
            ends += int(ended.sum())
            assert np.array_equal(np.stack(infos["final_obs"][ended]), final)
    assert ends >= 10


@pytest.mark.parametrize("name", ["L0", "L1", "L3"])
def test_single_vector_and_batched_trajectories_are_identical(name):
    level = make_level(name, max_steps=70, shaping={"balance": 0.1})
    actions = legal_actions(level, 1, 200, seed=8)
    expected = batched(level, 1, actions, seed=8)
    single, vector = TownGymEnv(level), TownVectorEnv(level, 1)
    obs, info = single.reset(seed=8)
    many, _ = vector.reset(seed=8)
    assert np.array_equal(obs, expected[0][0][0])
    assert np.array_equal(many, expected[0][0])
    assert np.array_equal(info["action_mask"], expected[0][1][0])
    for action, (own_obs, reward, terminated, truncated, final, _) in zip(
        actions, expected[1:], strict=True
    ):
        obs, earned, died, retired, info = single.step(int(action[0]))
        assert (earned, died, retired) == (reward[0], terminated[0], truncated[0])
        if died or retired:
            assert np.array_equal(obs, final[0])
            obs, info = single.reset()
        assert np.array_equal(obs, own_obs[0])
        many, rewards, *_ = vector.step(action.numpy())
        assert np.array_equal(many, own_obs)
        assert rewards[0] == reward[0]


def test_list_of_seeds_starts_rows_as_gymnasium_s_own_vector_would():
    ours = TownVectorEnv("L3", 3)
    theirs = SyncVectorEnv([lambda: TownGymEnv("L3")] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    seeds = [21, 22, 23]
    one, _ = ours.reset(seed=seeds)
    two, _ = theirs.reset(seed=seeds)
    assert np.array_equal(one, two)
    for action in ([5, 5, 5], [6, 7, 6]):
        one, rewards, *_ = ours.step(np.array(action))
        two, others, *_ = theirs.step(np.array(action))
        assert np.array_equal(one, two)
        assert np.array_equal(rewards, others)
    theirs.close()


def test_final_info_has_the_form_of_gymnasium_s_own_vector():
    level = make_level("L3", max_steps=3)
    ours = TownVectorEnv(level, 2)
    theirs = SyncVectorEnv([lambda: TownGymEnv(level)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    ours.reset(seed=[1, 2])
    theirs.reset(seed=[1, 2])
    for _ in range(3):
        *_, one = ours.step(np.array([5, 6]))
        *_, two = theirs.step(np.array([5, 6]))
    assert one["_final_obs"].tolist() == two["_final_obs"].tolist() == [True, True]
    assert one["_final_info"].tolist() == two["_final_info"].tolist()
    assert all(
        np.array_equal(a, b) for a, b in zip(one["final_obs"], two["final_obs"], strict=True)
    )
    assert set(one["final_info"]) == set(two["final_info"])
    for key, value in two["final_info"].items():
        assert np.allclose(one["final_info"][key], value), key
    theirs.close()


def test_vector_says_how_it_resets_and_what_its_spaces_are():
    env = TownVectorEnv("L1", 4)
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    obs, _ = env.reset(seed=1)
    assert obs in env.observation_space
    assert env.single_observation_space.shape == (989,)
    assert env.action_space.sample() in env.action_space
    assert env.num_envs == 4


def test_chosen_rows_of_a_vector_can_be_reset():
    env = TownVectorEnv("L1", 3)
    before, _ = env.reset(seed=1)
    env.step(np.array([5, 5, 5]))
    obs, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert env.town.steps.tolist() == [1, 0, 1]
    assert not np.array_equal(obs[1], before[1])
    with pytest.raises(ShapeError, match="reset_mask: found list"):
        env.reset(options={"reset_mask": [True, False, False]})
    with pytest.raises(ShapeError, match="mask: found"):
        env.reset(options={"reset_mask": np.array([True])})


def test_single_town_tells_masks_and_streams():
    env = TownGymEnv("L0")
    _, info = env.reset(seed=1)
    assert info["action_mask"].dtype == bool
    assert np.array_equal(info["action_mask"], env.action_masks())
    illegal = int(np.flatnonzero(~info["action_mask"])[0])
    _, reward, _, _, info = env.step(illegal)
    assert info["illegal"]
    assert reward == pytest.approx(0.995)
    assert (info["extrinsic"], info["shaping"]) == (reward, 0.0)


def test_what_a_caller_writes_into_an_observation_never_reaches_the_town():
    env = TownVectorEnv("L0", 2)
    obs, infos = env.reset(seed=1)
    obs[:] = 7.0
    infos["action_mask"][:] = False
    assert env.town.obs.max() <= 1.0
    assert env.town.action_mask.any(dim=1).all()


def test_level_can_be_named_or_given():
    assert TownGymEnv("L0").level == TownGymEnv(load_pack("L0").level).level
