"""What the curriculum changes in a town takes effect with the next step."""

import math

import pytest
import torch

from hamlet.envs.town import TownEnv, load_pack
from hamlet.errors import ShapeError, SpecError
from tests.town.reference import METERS
from tests.town.towns import act, make_level, meter, put, stand_on

FIRST = ["energy", "hygiene"]


def test_multiplier_changes_the_next_step():
    env = TownEnv(load_pack("L1").level, 1)
    env.set_stage(METERS, 0.2)
    act(env, "WAIT")
    assert meter(env, "energy") == pytest.approx(0.999, abs=1e-6)
    env.set_stage(METERS, 1.0)
    act(env, "WAIT")
    assert meter(env, "energy") == pytest.approx(0.994, abs=1e-6)


def test_active_meters_change_the_next_step():
    env = TownEnv(load_pack("L1").level, 1)
    env.set_stage(FIRST)
    act(env, "WAIT")
    expected = dict.fromkeys(METERS, 1.0) | {"money": 0.5, "energy": 0.995, "hygiene": 0.997}
    assert env.meters[0].tolist() == pytest.approx(list(expected.values()), abs=1e-6)
    env.set_stage([*FIRST, "satiation"])
    act(env, "WAIT")
    assert meter(env, "satiation") == pytest.approx(0.996, abs=1e-6)


def test_reward_mode_changes_the_next_step():
    env = TownEnv(load_pack("L1").level, 1)
    env.set_stage(sparse=True)
    assert float(act(env, "WAIT")[1].extrinsic[0]) == 0.0
    env.set_stage(sparse=False)
    assert float(act(env, "WAIT")[1].extrinsic[0]) > 0.9


def test_town_is_free_while_money_is_inactive():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, money=0.0)
    stand_on(env, "Bed")
    assert bool(act(env, "INTERACT")[4]["refused_poor"][0])
    env.set_stage(FIRST)
    _, _, _, _, info = act(env, "INTERACT")
    assert not bool(info["refused_poor"][0])
    assert int(info["affordance"][0]) == 0
    assert meter(env, "money") == 0.5


def test_meter_that_becomes_inactive_goes_back_to_its_start_and_is_shown_there():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, satiation=0.2, mood=0.1)
    env.set_stage(FIRST)
    assert meter(env, "satiation") == 1.0
    assert env.obs[0, env.layout.group("meters").slice].equal(env.meters[0])


def test_stage_cannot_wake_a_meter_that_the_level_leaves_out():
    env = TownEnv(load_pack("L0").level, 1)
    env.set_stage(METERS)
    act(env, "WAIT")
    assert env.active[0].nonzero().flatten().tolist() == [0, 3]
    assert meter(env, "hygiene") == 1.0


def test_each_row_can_have_a_stage_of_its_own():
    env = TownEnv(load_pack("L1").level, 3)
    env.set_stage(FIRST, 0.2, rows=torch.tensor([False, True, False]))
    env.set_stage(METERS, 2.0, True, rows=torch.tensor([False, False, True]))
    _, streams, _, _, _ = act(env, "WAIT")
    assert env.meters[:, 0].tolist() == pytest.approx([0.995, 0.999, 0.99], abs=1e-6)
    assert env.meters[:, 5].tolist() == pytest.approx([0.994, 1.0, 0.988], abs=1e-6)
    assert (streams.extrinsic > 0).tolist() == [True, True, False]


def test_stage_outlives_a_reset():
    env = TownEnv(load_pack("L1").level, 2)
    env.set_stage(FIRST, 0.2, True)
    env.reset()
    _, streams, _, _, _ = act(env, "WAIT")
    assert env.meters[:, 0].tolist() == pytest.approx([0.999] * 2, abs=1e-6)
    assert env.meters[:, 5].tolist() == [1.0, 1.0]
    assert streams.extrinsic.tolist() == [0.0, 0.0]


def test_ended_row_stays_ended_when_its_killer_becomes_inactive():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, health=0.0)
    act(env, "WAIT")
    env.set_stage(FIRST)
    _, streams, terminated, _, _ = act(env, "WAIT")
    assert bool(terminated[0])
    assert env.end_reason(0) == "health"
    assert streams.extrinsic.tolist() == [0.0]


def test_easy_stages_are_easier():
    """Mean survival of an idle agent falls from stage to stage of the curriculum."""

    def survival(active: list[str], multiplier: float) -> float:
        env = TownEnv(make_level(max_steps=3000), 1)
        env.set_stage(active, multiplier)
        while not bool(env.terminated[0] | env.truncated[0]):
            act(env, "WAIT")
        return int(env.steps[0])

    lengths = [
        survival(FIRST, 0.2),
        survival([*FIRST, "satiation"], 0.5),
        survival([*FIRST, "satiation", "money"], 0.8),
        survival(METERS, 1.0),
    ]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 3 * lengths[-1]


@pytest.mark.parametrize(
    ("active", "multiplier", "path"),
    [
        (["hunger"], 1.0, "active_meters[0]"),
        (["energy", 3], 1.0, "active_meters[1]"),
        (METERS, -0.1, "loss_multiplier"),
        (METERS, math.nan, "loss_multiplier"),
        (METERS, math.inf, "loss_multiplier"),
        (METERS, "1", "loss_multiplier"),
        (METERS, True, "loss_multiplier"),
        (METERS, 10**400, "loss_multiplier"),
    ],
)
def test_bad_stage_is_refused_and_changes_nothing(active, multiplier, path):
    env = TownEnv(load_pack("L1").level, 1)
    with pytest.raises(SpecError) as caught:
        env.set_stage(active, multiplier)
    assert [problem.path for problem in caught.value.problems] == [path]
    act(env, "WAIT")
    assert meter(env, "energy") == pytest.approx(0.995, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"sparse": "yes"}, "sparse"),
        ({"sparse": None}, "sparse"),
        ({"sparse": torch.tensor(True)}, "sparse"),
        ({"active_meters": "energy"}, "active_meters"),
        ({"active_meters": None}, "active_meters"),
        ({"active_meters": 3}, "active_meters"),
    ],
)
def test_stage_of_another_kind_is_refused_and_nothing_is_half_applied(change, path):
    env = TownEnv(load_pack("L1").level, 1)
    before = env.state_dict()
    with pytest.raises(SpecError) as caught:
        env.set_stage(**{"active_meters": FIRST, "loss_multiplier": 0.2, **change})
    assert [problem.path for problem in caught.value.problems] == [path]
    after = env.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in after if name != "level_hash")


@pytest.mark.parametrize("rows", ["x", 3, [True, False], torch.ones(1)])
def test_rows_of_another_kind_are_refused_and_nothing_is_half_applied(rows):
    env = TownEnv(load_pack("L1").level, 1)
    with pytest.raises(ShapeError, match="mask: found"):
        env.set_stage(FIRST, 0.2, True, rows=rows)
    assert env.active.all()
    assert env.multiplier.tolist() == [1.0]
    assert not env.sparse.any()


def test_rows_of_the_wrong_length_are_refused():
    env = TownEnv(load_pack("L1").level, 2)
    with pytest.raises(ShapeError, match="mask: found"):
        env.set_stage(rows=torch.tensor([True]))
