"""INTERACT: prices, effects, hours and progress."""

import pytest
import torch

from hamlet.envs.town import TownEnv, load_pack
from tests.town.reference import METERS, PLACES, Place
from tests.town.towns import act, make_level, meter, put, stand_on

STILL = dict.fromkeys(METERS, 0.0)
HALF = dict.fromkeys(METERS, 0.5)
INTERACT_COST = 0.005
MODULATION = 0.00175  # of health per step, at fitness .5


def still_town(*, temporal: bool, hour: int = 0) -> TownEnv:
    """All meters at .5, nothing falls but health by modulation; the clock starts at `hour`."""
    clock = {"enabled": temporal, "start_hour": hour if temporal else 0}
    return TownEnv(make_level("L1", base_losses=STILL, start=HALF, temporal=clock), 1)


def opening(place: Place) -> int:
    return place.opens % 24


def whole_use(place: Place, *, temporal: bool) -> dict[str, float]:
    """Change of each meter by one whole use, without what the step itself costs."""
    env = still_town(temporal=temporal, hour=opening(place))
    stand_on(env, place.name)
    times = place.ticks if temporal else 1
    change = dict.fromkeys(METERS, 0.0)
    # Every tick starts where no clamp cuts its effect short, and nothing that cascades is low.
    before = {
        **HALF,
        **{name: 0.2 for name in ("energy", "health", "money") if name in place.per_tick},
    }
    for _ in range(times):
        put(env, **before)
        _, _, _, _, info = act(env, "INTERACT")
        for name in METERS:
            change[name] += meter(env, name) - before[name]
        change["energy"] += INTERACT_COST
        # Fitness after the use decides how much health falls.
        change["health"] += 0.001 * (0.5 + 2.5 * (1 - meter(env, "fitness")))
    assert bool(info["completed"][0])
    assert int(env.progress[0]) == 0
    return change


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_both_modes_have_the_same_total_effect(place):
    at_once = whole_use(place, temporal=False)
    in_ticks = whole_use(place, temporal=True)
    expected = {
        name: place.per_tick.get(name, 0.0) * place.ticks + place.completion.get(name, 0.0)
        for name in METERS
    }
    without_price = {**expected, "money": expected["money"] - place.price}
    assert at_once == pytest.approx(without_price, abs=2e-6)
    without_price["money"] = expected["money"] - place.tick_price * place.ticks
    assert in_ticks == pytest.approx(without_price, abs=2e-6)


@pytest.mark.parametrize(
    ("hour", "is_open"),
    [(17, False), (18, True), (23, True), (0, True), (3, True), (4, False), (12, False)],
)
def test_the_bar_is_open_until_four_in_the_morning(hour, is_open):
    env = still_town(temporal=True, hour=hour)
    stand_on(env, "Bar")
    assert bool(env.action_mask[0, 4]) == is_open


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_place_keeps_its_hours(place):
    env = still_town(temporal=True)
    stand_on(env, place.name)
    seen = []
    for hour in range(24):
        put(env, hour=hour)
        seen.append(bool(env.action_mask[0, 4]))
    assert seen == [place.open_at(hour) for hour in range(24)]


def test_without_a_clock_every_place_is_open_and_the_hour_stays():
    env = still_town(temporal=False)
    for place in PLACES:
        stand_on(env, place.name)
        assert bool(env.action_mask[0, 4])
    act(env, "WAIT", "WAIT")
    assert int(env.hour[0]) == 0


def test_clock_goes_round():
    env = still_town(temporal=True, hour=22)
    hours = []
    for _ in range(4):
        act(env, "WAIT")
        hours.append(int(env.hour[0]))
    assert hours == [23, 0, 1, 2]


def test_a_tick_pays_and_acts_and_leaves_the_rest_for_later():
    env = still_town(temporal=True)
    stand_on(env, "Bed")
    _, _, _, _, info = act(env, "INTERACT")
    assert int(env.progress[0]) == 1
    assert int(info["affordance"][0]) == 0
    assert not bool(info["completed"][0])
    assert meter(env, "energy") == pytest.approx(0.5 - INTERACT_COST + 0.075, abs=1e-6)
    assert meter(env, "money") == pytest.approx(0.49, abs=1e-6)


@pytest.mark.parametrize("pause", ["WAIT", "REST", "MEDITATE"])
def test_progress_outlives_a_pause(pause):
    env = still_town(temporal=True)
    stand_on(env, "Bed")
    act(env, "INTERACT", "INTERACT", pause)
    assert int(env.progress[0]) == 2


def test_progress_is_lost_by_a_move_and_starts_again():
    env = still_town(temporal=True)
    stand_on(env, "Bed")
    act(env, "INTERACT", "INTERACT")
    moves = [name for name, ok in zip(["UP", "DOWN"], env.action_mask[0, :2], strict=True) if ok]
    back = {"UP": "DOWN", "DOWN": "UP"}[moves[0]]
    act(env, moves[0], back)
    assert int(env.progress[0]) == 0
    act(env, "INTERACT")
    assert int(env.progress[0]) == 1


def test_progress_is_lost_when_the_place_closes():
    env = still_town(temporal=True, hour=15)
    stand_on(env, "Job")
    act(env, "INTERACT", "INTERACT")
    assert int(env.progress[0]) == 2
    assert bool(env.action_mask[0, 4])
    act(env, "INTERACT")  # the third tick is worked, then the clock strikes 18
    assert int(env.progress[0]) == 0
    assert not bool(env.action_mask[0, 4])
    assert meter(env, "money") == pytest.approx(0.5 + 3 * 0.05625, abs=1e-6)


def test_too_poor_costs_effort_and_changes_nothing_else():
    env = still_town(temporal=False)
    stand_on(env, "Bed")
    put(env, money=0.04)
    assert bool(env.action_mask[0, 4])
    _, _, _, _, info = act(env, "INTERACT")
    assert bool(info["refused_poor"][0])
    assert int(info["affordance"][0]) == -1
    assert not bool(info["completed"][0])
    assert meter(env, "energy") == pytest.approx(0.5 - INTERACT_COST, abs=1e-6)
    assert meter(env, "money") == pytest.approx(0.04, abs=1e-7)
    assert meter(env, "health") == pytest.approx(0.5 - MODULATION, abs=1e-6)


def test_progress_stays_when_money_runs_out():
    env = still_town(temporal=True)
    stand_on(env, "Bed")
    act(env, "INTERACT")
    put(env, money=0.005)
    _, _, _, _, info = act(env, "INTERACT")
    assert bool(info["refused_poor"][0])
    assert int(env.progress[0]) == 1


def test_exact_change_is_enough():
    """Ten times .05 is .5: the last of ten nights can be paid, an eleventh cannot."""
    env = TownEnv(load_pack("L0").level, 1)
    stand_on(env, "Bed")
    for _ in range(10):
        _, _, _, _, info = act(env, "INTERACT")
        assert int(info["affordance"][0]) == 0
    assert meter(env, "money") == 0.0
    _, _, _, _, info = act(env, "INTERACT")
    assert bool(info["refused_poor"][0])


def test_town_is_free_where_money_is_inactive():
    others = [name for name in METERS if name != "money"]
    level = make_level(active_meters=others, start={**HALF, "money": 0.0}, base_losses=STILL)
    env = TownEnv(level, 1)
    stand_on(env, "Hospital")
    _, _, _, _, info = act(env, "INTERACT")
    assert not bool(info["refused_poor"][0])
    assert meter(env, "health") > 0.9
    assert meter(env, "money") == 0.0


def test_effort_comes_before_the_meal():
    """At energy .003 the effort empties the meter, then the bed fills it: the agent lives."""
    env = still_town(temporal=False)
    stand_on(env, "Bed")
    put(env, energy=0.003)
    _, _, terminated, _, _ = act(env, "INTERACT")
    assert not bool(terminated[0])
    assert meter(env, "energy") == pytest.approx(0.5, abs=1e-6)


def test_rows_use_their_own_places():
    env = TownEnv(make_level(base_losses=STILL, start=HALF), 3)
    saved = env.state_dict()
    for row, kind in enumerate([0, 2, 6]):  # Bed, Shower, Hospital
        saved["cell"][row] = env.places[row, kind]
    env.load_state_dict(saved)
    _, _, _, _, info = act(env, "INTERACT")
    assert info["affordance"].tolist() == [0, 2, 6]
    gained = env.meters > 0.6
    assert gained.nonzero().tolist() == torch.tensor([[0, 0], [1, 1], [2, 6]]).tolist()
