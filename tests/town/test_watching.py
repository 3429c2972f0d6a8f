"""What the live page is told of a town, as plain data."""

import json

from hamlet.envs.town import TownEnv, load_pack
from tests.town.reference import ACTIONS, CASCADES, METERS, PLACES
from tests.town.towns import act, make_level, put, stand_on


def test_layout_tells_all_that_a_player_needs():
    env = TownEnv(load_pack("L3").level, 2, seed=1)
    told = env.layout_of(1)
    assert told["level"] == "L3"
    assert told["grid"] == {"width": 8, "height": 8}
    assert told["view"] == 5
    assert told["max_steps"] == 500
    assert told["meters"] == METERS
    assert told["active_meters"] == METERS
    assert told["actions"] == ACTIONS
    assert told["crisis_threshold"] == 0.3
    assert told["temporal"] is True
    assert told["start_hour"] == int(env.hour[1])
    assert told["start_meters"] == env.meters[1].tolist()
    assert [(c["source"], c["target"], c["strength"]) for c in told["cascades"]] == CASCADES
    assert told["agent"]["y"] * 8 + told["agent"]["x"] == int(env.cell[1])


def test_layout_names_each_place_with_its_cell_hours_and_price():
    env = TownEnv(load_pack("L3").level, 1, seed=1)
    for told, place in zip(env.layout_of(0)["affordances"], PLACES, strict=True):
        assert told["name"] == place.name
        assert told["y"] * 8 + told["x"] == int(env.places[0, told["id"]])
        assert (told["opens"], told["closes"]) == (place.opens, place.closes)
        assert (told["price"], told["ticks"]) == (place.tick_price, place.ticks)


def test_layout_of_a_town_without_clock_has_no_closing_time():
    env = TownEnv(load_pack("L0.5").level, 1)
    told = {place["name"]: place for place in env.layout_of(0)["affordances"]}
    assert set(told) == {"Bed", "HomeMeal", "Hospital", "Job"}
    assert (told["Job"]["opens"], told["Job"]["closes"]) == (0, 24)
    assert (told["Hospital"]["price"], told["Hospital"]["ticks"]) == (0.15, 1)
    assert env.layout_of(0)["view"] == "full"


def test_layout_names_the_meters_that_are_active_now():
    env = TownEnv(load_pack("L1").level, 1)
    env.set_stage(["energy", "hygiene"])
    assert env.layout_of(0)["active_meters"] == ["energy", "hygiene"]


def test_snapshot_tells_where_the_agent_stands_and_how_it_is():
    env = TownEnv(make_level("L3", temporal={"enabled": True, "start_hour": 10}), 2, seed=2)
    stand_on(env, "Bed")
    act(env, "INTERACT", "INTERACT")
    told = env.snapshot(0)
    assert told["y"] * 8 + told["x"] == int(env.cell[0])
    assert (told["hour"], told["progress"], told["step"]) == (12, 2, 2)
    assert told["underfoot"] == "Bed"
    assert told["meters"] == env.meters[0].tolist()
    assert told["mask"] == env.action_mask[0].tolist()
    assert (told["terminated"], told["truncated"]) == (False, False)


def test_all_that_is_told_is_plain_data():
    env = TownEnv(load_pack("L2").level, 1)
    told = [env.layout_of(0), env.snapshot(0)]
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_end_is_explained():
    env = TownEnv(make_level(max_steps=2), 3)
    assert env.end_reason(0) == "running"
    saved = env.state_dict()
    saved["meters"][0, METERS.index("energy")] = 0.0
    saved["meters"][1, METERS.index("health")] = 0.0
    env.load_state_dict(saved)
    act(env, "WAIT", "WAIT")
    assert [env.end_reason(row) for row in range(3)] == ["energy", "health", "time limit"]
    both = TownEnv(load_pack("L1").level, 1)
    put(both, energy=0.0, health=0.0)
    act(both, "WAIT")
    assert both.end_reason(0) == "energy and health"
