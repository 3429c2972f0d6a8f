"""L0 teaches when to sleep: money for ten nights, and none to be earned."""

import torch

from hamlet.envs.town import TownEnv, load_pack
from tests.town.towns import all_rows, stand_on


def play(sleeps_at: float) -> TownEnv:
    """Stand on the bed, press INTERACT at or below an energy, else WAIT."""
    env = TownEnv(load_pack("L0").level, 4, seed=3)
    stand_on(env, "Bed")
    for _ in range(1000):
        sleep = env.meters[:, 0] <= sleeps_at
        env.step(torch.where(sleep, all_rows(env, "INTERACT"), all_rows(env, "WAIT")))
    return env


def test_agent_that_always_sleeps_dies_before_the_time_limit():
    env = play(sleeps_at=1.0)
    assert env.terminated.all()
    assert (env.steps < 200).all()


def test_agent_that_sleeps_when_tired_reaches_the_time_limit():
    env = play(sleeps_at=0.5)
    assert env.truncated.all()
    assert env.steps.tolist() == [1000] * 4


def test_no_place_of_l0_earns_money():
    env = play(sleeps_at=0.5)
    assert (env.meters[:, 3] <= 0.5).all()
