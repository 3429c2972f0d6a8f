"""Meters fall, and pull each other down: numbers worked by hand from the tables."""

import pytest

from hamlet.envs.town import TownEnv, load_pack
from tests.town.reference import METERS
from tests.town.towns import act, make_level, meter, put

STILL = dict.fromkeys(METERS, 0.0)


def still_town(**changes) -> TownEnv:
    """A town without base losses, so that a relation shows alone."""
    return TownEnv(make_level(base_losses=STILL, **changes), 1)


def test_first_step_of_waiting_costs_the_base_losses():
    env = TownEnv(load_pack("L1").level, 1)
    act(env, "WAIT")
    expected = {
        "energy": 0.995,
        "hygiene": 0.997,
        "satiation": 0.996,
        "money": 0.5,
        "mood": 0.999,
        "social": 0.994,
        # fitness is .998 by then: .001 x (.5 + 2.5 x .002)
        "health": 1 - 0.000505,
        "fitness": 0.998,
    }
    assert dict(zip(METERS, env.meters[0].tolist(), strict=True)) == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize(("fitness", "loss"), [(1.0, 0.0005), (0.5, 0.00175), (0.0, 0.003)])
def test_health_falls_faster_the_less_fit(fitness, loss):
    env = still_town()
    put(env, fitness=fitness)
    act(env, "WAIT")
    assert meter(env, "health") == pytest.approx(1 - loss, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "value", "losses"),
    [
        # Half way down: half the strength.
        ("satiation", 0.15, {"health": 0.002, "energy": 0.0025}),
        ("satiation", 0.0, {"health": 0.004, "energy": 0.005}),
        ("mood", 0.15, {"energy": 0.0025}),
        (
            "hygiene",
            0.15,
            {
                "satiation": 0.001,
                "fitness": 0.001,
                "mood": 0.0015,
                "health": 0.00025,
                "energy": 0.00025,
            },
        ),
        ("social", 0.0, {"mood": 0.004, "energy": 0.0008}),
        ("social", 0.2, {"mood": 0.004 / 3, "energy": 0.0008 / 3}),
    ],
)
def test_low_source_pulls_its_targets_down(source, value, losses):
    env = still_town()
    put(env, **{source: value})
    act(env, "WAIT")
    for name in METERS:
        before = value if name == source else 0.5 if name == "money" else 1.0
        after = before - losses.get(name, 0.0) - (0.0005 if name == "health" else 0.0)
        assert meter(env, name) == pytest.approx(after, abs=1e-6), name


@pytest.mark.parametrize("source", ["satiation", "mood", "hygiene", "social"])
def test_source_at_the_threshold_pulls_nothing(source):
    env = still_town()
    put(env, **{source: 0.3})
    before = env.meters[0].clone()
    act(env, "WAIT")
    before[METERS.index("health")] -= 0.0005
    assert env.meters[0].tolist() == pytest.approx(before.tolist(), abs=1e-6)


def test_pulls_add_up():
    env = still_town()
    put(env, satiation=0.0, mood=0.0, hygiene=0.0, social=0.0, energy=0.5, health=0.5)
    act(env, "WAIT")
    assert meter(env, "energy") == pytest.approx(0.5 - 0.005 - 0.005 - 0.0005 - 0.0008, abs=1e-6)
    # hygiene has pulled fitness down by .002 only after health was modulated.
    assert meter(env, "health") == pytest.approx(0.5 - 0.0005 - 0.004 - 0.0005, abs=1e-6)


def test_source_counts_with_the_value_that_base_loss_left():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, social=0.303)  # .297 after its base loss of .006
    act(env, "WAIT")
    lost = 0.004 * 0.003 / 0.3
    assert meter(env, "mood") == pytest.approx(1 - 0.001 - lost, abs=1e-6)


def test_meters_stop_at_empty_and_full():
    env = still_town()
    put(env, satiation=0.0, mood=0.999, health=0.9)
    act(env, "REST")
    assert meter(env, "satiation") == 0.0
    assert meter(env, "mood") == 1.0


def test_multiplier_scales_base_losses_only():
    env = TownEnv(load_pack("L1").level, 1)
    put(env, satiation=0.204, hygiene=1.0)
    env.set_stage(METERS, 0.5)
    act(env, "WAIT")
    satiation = 0.204 - 0.002
    assert meter(env, "satiation") == pytest.approx(satiation, abs=1e-6)
    pull = (0.3 - satiation) / 0.3
    assert meter(env, "energy") == pytest.approx(1 - 0.0025 - 0.005 * pull, abs=1e-6)
    modulation = 0.001 * (0.5 + 2.5 * 0.001)  # fitness fell by half of .002
    assert meter(env, "health") == pytest.approx(1 - modulation - 0.004 * pull, abs=1e-6)


def test_inactive_meter_keeps_its_start_value_whatever_happens():
    level = make_level(
        active_meters=["energy", "health"],
        start={"mood": 0.4, "hygiene": 0.2, "satiation": 0.1, "social": 0.0, "fitness": 0.8},
    )
    env = TownEnv(level, 1)
    resting = [1, 2, 3, 4, 5, 7]
    before = env.meters[0, resting].clone()
    act(env, "REST", "MEDITATE", "WAIT")
    assert env.meters[0, resting].equal(before)


def test_inactive_source_pulls_nothing():
    level = make_level(
        active_meters=["energy", "health", "fitness"],
        base_losses=STILL,
        start={"mood": 0.0, "hygiene": 0.0, "satiation": 0.0, "social": 0.0},
    )
    env = TownEnv(level, 1)
    act(env, "WAIT")
    assert meter(env, "energy") == 1.0
    assert meter(env, "fitness") == 1.0
    assert meter(env, "health") == pytest.approx(0.9995, abs=1e-6)


@pytest.mark.parametrize("name", ["energy", "health"])
def test_empty_pivotal_meter_kills_unless_it_is_inactive(name):
    env = still_town()
    put(env, **{name: 0.0})
    _, _, terminated, _, _ = act(env, "WAIT")
    assert bool(terminated[0])
    assert env.end_reason(0) == name

    others = [meter for meter in METERS if meter != name]
    spared = TownEnv(make_level(active_meters=others, start={name: 0.0}), 1)
    _, _, terminated, _, _ = act(spared, "WAIT")
    assert not bool(terminated[0])
    assert spared.end_reason(0) == "running"


@pytest.mark.parametrize("name", ["hygiene", "satiation", "money", "mood", "social", "fitness"])
def test_no_other_meter_kills(name):
    env = still_town()
    put(env, **{name: 0.0})
    _, _, terminated, _, _ = act(env, "WAIT")
    assert not bool(terminated[0])


def test_many_small_losses_end_at_exactly_nothing():
    """200 times .005 is 1: the last step kills, not the one after it."""
    env = TownEnv(load_pack("L0").level, 3)
    for step in range(1, 201):
        _, _, terminated, _, _ = act(env, "WAIT")
        assert terminated.tolist() == [step == 200] * 3
    assert env.meters[:, 0].tolist() == [0.0] * 3
