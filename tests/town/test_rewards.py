"""The extrinsic reward of each kind, and what modifies curiosity."""

import pytest
import torch

from hamlet.envs.town import TownEnv, load_pack
from tests.town.reference import METERS
from tests.town.towns import act, make_level, meter, put

STILL = dict.fromkeys(METERS, 0.0)


def reward_of(extrinsic: dict, **meters: float) -> float:
    """Reward of one WAIT at the given meters; nothing falls, and health is inactive."""
    others = [name for name in METERS if name != "health"]
    level = make_level(extrinsic=extrinsic, base_losses=STILL, active_meters=others)
    env = TownEnv(level, 1)
    put(env, **meters)
    _, streams, _, _, _ = act(env, "WAIT")
    assert streams.extrinsic.dtype == torch.float32
    return float(streams.extrinsic[0])


@pytest.mark.parametrize(
    ("extrinsic", "expected"),
    [
        ({"kind": "multiplicative", "meters": ["energy"]}, 0.4),
        ({"kind": "multiplicative", "meters": ["energy", "mood", "money"]}, 0.4 * 0.8 * 0.6),
        (
            {
                "kind": "constant_base_with_bonus",
                "base": 1.0,
                "bonuses": [
                    {"meter": "energy", "weight": 0.5},
                    {"meter": "mood", "weight": 2.0, "center": 0.7},
                ],
            },
            1.0 + 0.5 * (0.4 - 0.5) + 2.0 * (0.8 - 0.7),
        ),
        (
            {
                "kind": "weighted_sum",
                "weights": [
                    {"meter": "energy", "weight": 1.5},
                    {"meter": "money", "weight": -1.0},
                ],
            },
            1.5 * 0.4 - 0.6,
        ),
        ({"kind": "min_of", "meters": ["mood", "energy", "money"]}, 0.4),
        ({"kind": "threshold", "meters": ["energy", "mood"], "above": 0.3, "reward": 2.0}, 2.0),
        ({"kind": "threshold", "meters": ["energy", "mood"], "above": 0.5}, 0.0),
        ({"kind": "threshold", "meters": ["energy"], "above": 0.5, "otherwise": -1.0}, -1.0),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else "",
)
def test_reward_of_each_kind(extrinsic, expected):
    assert reward_of(extrinsic, energy=0.4, mood=0.8, money=0.6) == pytest.approx(
        expected, abs=1e-6
    )


def test_reward_is_taken_from_the_meters_after_the_step():
    env = TownEnv(load_pack("L1").level, 2)
    _, streams, _, _, _ = act(env, "WAIT")
    assert float(streams.extrinsic[0]) == pytest.approx(0.995 * (1 - 0.000505), abs=1e-6)
    assert streams.extrinsic.equal(env.meters[:, 0] * env.meters[:, 6])


def test_l0_pays_energy_and_l05_pays_a_base_with_bonus():
    """The teaching pair: in a crisis L0's reward all but vanishes, L0.5's does not."""
    crisis = TownEnv(load_pack("L0").level, 1)
    put(crisis, energy=0.055)
    assert float(act(crisis, "WAIT")[1].extrinsic[0]) == pytest.approx(0.05, abs=1e-6)

    calm = TownEnv(load_pack("L0.5").level, 1)
    put(calm, energy=0.051, health=0.6005)
    expected = 1.0 + 0.5 * (0.05 - 0.5) + 0.5 * (meter_after(0.6005) - 0.5)
    assert float(act(calm, "WAIT")[1].extrinsic[0]) == pytest.approx(expected, abs=1e-6)


def meter_after(health: float) -> float:
    """Health one step later, at fitness .999 and with nothing low."""
    return health - 0.001 * (0.5 + 2.5 * 0.001)


def test_death_pays_nothing_under_a_product():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, energy=0.0)
    _, streams, terminated, _, _ = act(env, "WAIT")
    assert bool(terminated[0])
    assert float(streams.extrinsic[0]) == 0.0


def test_bonus_for_retirement_is_paid_once_and_not_to_the_dead():
    env = TownEnv(make_level(max_steps=2, retirement_bonus=5.0), 2)
    _, first, _, _, _ = act(env, "WAIT")
    assert first.extrinsic.max() < 1
    saved = env.state_dict()
    saved["meters"][1, 0] = 0.0
    env.load_state_dict(saved)
    _, last, terminated, truncated, info = act(env, "WAIT")
    assert (terminated.tolist(), truncated.tolist()) == ([False, True], [True, False])
    usual = meter(env, "energy") * meter(env, "health")
    assert float(last.extrinsic[0]) == pytest.approx(5.0 + usual, abs=1e-5)
    assert float(last.extrinsic[1]) == 0.0
    assert info["dense_extrinsic"].equal(last.extrinsic)
    _, after, _, _, _ = act(env, "WAIT")
    assert after.extrinsic.tolist() == [0.0, 0.0]


def test_sparse_reward_pays_minus_one_at_death_only_and_the_dense_one_is_still_told():
    env = TownEnv(load_pack("L1").level, 2)
    env.set_stage(sparse=True)
    saved = env.state_dict()
    saved["meters"][1, 0] = 0.0
    env.load_state_dict(saved)
    _, streams, terminated, _, info = act(env, "WAIT")
    assert terminated.tolist() == [False, True]
    assert streams.extrinsic.tolist() == [0.0, -1.0]
    assert float(info["dense_extrinsic"][0]) == pytest.approx(0.995 * 0.999495, abs=1e-6)
    _, streams, _, _, _ = act(env, "WAIT")
    assert streams.extrinsic.tolist() == [0.0, 0.0]


SILENCE = {"meter": "energy", "min": 0.0, "max": 0.2, "multiplier": 0.0}


@pytest.mark.parametrize(
    ("energy", "mood", "factor"),
    [(0.19, 0.0, 0.0), (0.2, 0.0, 1.0), (0.5, 0.0, 1.0), (0.5, 0.95, 2.0), (0.5, 1.0, 2.0)],
)
def test_modifiers_of_curiosity_are_range_tables(energy, mood, factor):
    modifiers = [SILENCE, {"meter": "mood", "min": 0.9, "max": 1.0, "multiplier": 2.0}]
    level = make_level(intrinsic_modifiers=modifiers, base_losses=STILL)
    env = TownEnv(level, 1)
    put(env, energy=energy, mood=mood, satiation=1.0)
    if mood < 0.3:  # keep low mood from pulling at energy
        env.set_stage([name for name in METERS if name != "mood"])
        put(env, energy=energy, mood=mood)
    _, _, _, _, info = act(env, "WAIT")
    assert info["intrinsic_modifier"].tolist() == [factor]


def test_modifier_begins_at_its_minimum():
    half = {"meter": "money", "min": 0.5, "max": 0.6, "multiplier": 4.0}
    env = TownEnv(make_level(intrinsic_modifiers=[half]), 1)  # money starts at .5 and stays
    assert act(env, "WAIT")[4]["intrinsic_modifier"].tolist() == [4.0]


def test_several_modifiers_multiply():
    both = [SILENCE | {"max": 1.0, "multiplier": 3.0}, SILENCE | {"max": 1.0, "multiplier": 0.5}]
    env = TownEnv(make_level(intrinsic_modifiers=both), 2)
    assert act(env, "WAIT")[4]["intrinsic_modifier"].tolist() == [1.5, 1.5]


def test_without_modifiers_curiosity_counts_once():
    env = TownEnv(load_pack("L1").level, 2)
    assert act(env, "WAIT")[4]["intrinsic_modifier"].tolist() == [1.0, 1.0]


def test_shipped_levels_have_an_empty_shaping_stream():
    env = TownEnv(load_pack("L1").level, 2)
    _, streams, _, _, _ = act(env, "WAIT")
    assert streams.shaping.tolist() == [0.0, 0.0]
    assert streams.terms == {}
