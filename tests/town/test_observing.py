"""What the agent sees: places and meaning of every number."""

import math

import pytest
import torch

from hamlet.envs.town import TownEnv, layout_for, list_levels, load_pack
from hamlet.envs.town.tables import AFFORDANCE_NAMES
from tests.town.reference import ACTIONS, METERS, PLACES
from tests.town.towns import act, make_level, random_legal, stand_on

DIMS = {"L0": (38, 164), "L0.5": (54, 404), "L1": (93, 989), "L2": (54, 404), "L3": (54, 404)}


def group(env: TownEnv, name: str, row: int = 0) -> torch.Tensor:
    part = env.layout.group(name)
    return env.obs[row, part.slice].view(part.shape)


@pytest.mark.parametrize("encoding", ["scalar", "planes"])
@pytest.mark.parametrize("name", list_levels())
def test_observation_has_the_size_of_the_table(name, encoding):
    level = make_level(name, grid_encoding=encoding)
    env = TownEnv(level, 2)
    size = DIMS[name][encoding == "planes"]
    assert env.obs.shape == (2, size)
    assert env.obs.dtype == torch.float32
    assert layout_for(level).size == size


def test_groups_stand_in_their_order():
    layout = layout_for(load_pack("L1").level)
    assert [part.name for part in layout.groups] == [
        "grid",
        "position",
        "meters",
        "underfoot",
        "clock",
    ]
    assert [part.size for part in layout.groups] == [960, 2, 8, 15, 4]
    assert layout.group("grid").shape == (15, 8, 8)
    assert sum(part.size for part in layout.groups[1:]) == 29
    assert layout.affordances == tuple(place.name for place in PLACES)
    assert layout.meters == tuple(METERS)
    assert layout.actions == tuple(ACTIONS)
    assert layout.grid_encoding == "planes"


def test_levels_with_equal_shapes_share_a_layout_and_others_do_not():
    hashes = {name: layout_for(load_pack(name).level).hash for name in list_levels()}
    assert hashes["L0.5"] == hashes["L2"] == hashes["L3"]  # 5 x 5 in sight, each of them
    assert len(set(hashes.values())) == 3
    scalar = layout_for(make_level("L2", grid_encoding="scalar"))
    assert scalar.hash != hashes["L2"]
    assert scalar.differences(layout_for(load_pack("L2").level))[0].startswith("group grid")


def test_planes_show_what_stands_where():
    env = TownEnv(load_pack("L1").level, 3, seed=1)
    for row in range(3):
        planes = group(env, "grid", row).flatten(1)
        for kind in range(14):
            assert planes[kind].nonzero().flatten().tolist() == [int(env.places[row, kind])]
        assert planes[14].nonzero().flatten().tolist() == [int(env.cell[row])]
        assert planes.unique().tolist() == [0.0, 1.0]


def test_planes_of_absent_places_stay_empty():
    env = TownEnv(load_pack("L0").level, 2, seed=1)
    assert group(env, "grid")[1:14].sum() == 0
    assert group(env, "grid")[0].sum() == 1


def test_scalar_grid_shows_places_as_one_and_the_agent_as_two():
    env = TownEnv(make_level("L0", grid_encoding="scalar"), 1, seed=2)
    bed = int(env.places[0, 0])
    for cell in range(9):
        saved = env.state_dict()
        saved["cell"][0] = cell
        env.load_state_dict(saved)
        expected = [0.0] * 9
        expected[bed] = 1.0
        expected[cell] = 2.0
        assert group(env, "grid").flatten().tolist() == expected


def seen_by_hand(env: TownEnv, row: int) -> torch.Tensor:
    """[15, side, side] the window, cell by cell."""
    level, side = env.level, env.level.window
    planes = torch.zeros(15, side, side)
    x, y = int(env.cell[row]) % level.width, int(env.cell[row]) // level.width
    for down in range(side):
        for across in range(side):
            column, line = x + across - side // 2, y + down - side // 2
            if 0 <= column < level.width and 0 <= line < level.height:
                kind = int(env.ground[row, line * level.width + column])
                if kind < 14:
                    planes[kind, down, across] = 1.0
    planes[14, side // 2, side // 2] = 1.0
    return planes


@pytest.mark.parametrize("side", [3, 5, 9])
def test_window_shows_the_cells_around_the_agent(side):
    env = TownEnv(make_level("L2", view=side, grid={"width": 6, "height": 5}), 30, seed=3)
    scalar = TownEnv(
        make_level("L2", view=side, grid={"width": 6, "height": 5}, grid_encoding="scalar"),
        30,
        seed=3,
    )
    for row in range(30):
        expected = seen_by_hand(env, row)
        assert group(env, "grid", row).equal(expected)
        folded = torch.maximum(expected[:14].amax(dim=0), 2 * expected[14])
        assert group(scalar, "grid", row).equal(folded)


def test_outside_of_the_grid_is_empty_in_a_window():
    env = TownEnv(load_pack("L2").level, 1, seed=4)
    saved = env.state_dict()
    saved["cell"][0] = 0
    env.load_state_dict(saved)
    window = group(env, "grid")
    assert window[:, :2, :].sum() == 0
    assert window[:, :, :2].sum() == 0


@pytest.mark.parametrize("name", ["L1", "L2"])
@pytest.mark.parametrize("encoding", ["planes", "scalar"])
def test_underfoot_is_told_in_every_view(name, encoding):
    env = TownEnv(make_level(name, grid_encoding=encoding), 1, seed=5)
    for kind, place in enumerate(AFFORDANCE_NAMES):
        stand_on(env, place)
        assert group(env, "underfoot").nonzero().flatten().tolist() == [kind]
    free = next(cell for cell in range(64) if cell not in env.places[0].tolist())
    saved = env.state_dict()
    saved["cell"][0] = free
    env.load_state_dict(saved)
    assert group(env, "underfoot").nonzero().flatten().tolist() == [14]


def test_position_is_column_and_row_from_zero_to_one():
    env = TownEnv(make_level(grid={"width": 5, "height": 9}), 1)
    for x, y, shown in [(0, 0, [0, 0]), (4, 8, [1, 1]), (1, 2, [0.25, 0.25]), (4, 0, [1, 0])]:
        saved = env.state_dict()
        saved["cell"][0] = y * 5 + x
        env.load_state_dict(saved)
        assert group(env, "position").tolist() == shown


def test_meters_are_shown_as_they_are_inactive_ones_too():
    env = TownEnv(load_pack("L0").level, 2)
    act(env, "WAIT")
    assert group(env, "meters").equal(env.meters[0])
    assert group(env, "meters").tolist() == pytest.approx([0.995, 1, 1, 0.5, 1, 1, 1, 1])


def test_clock_shows_hour_progress_and_share_of_the_time_limit():
    level = make_level("L3", temporal={"enabled": True, "start_hour": 9}, max_steps=50)
    env = TownEnv(level, 1)
    stand_on(env, "Bed")
    assert group(env, "clock").tolist() == pytest.approx(
        [math.sin(2 * math.pi * 9 / 24), math.cos(2 * math.pi * 9 / 24), 0.0, 0.0]
    )
    act(env, "INTERACT", "INTERACT", "INTERACT")
    assert group(env, "clock").tolist() == pytest.approx([0.0, -1.0, 0.3, 0.06], abs=1e-6)


def test_clock_stands_at_midnight_without_temporal_mechanics():
    env = TownEnv(load_pack("L1").level, 1)
    act(env, "WAIT", "WAIT")
    assert group(env, "clock").tolist() == pytest.approx([0.0, 1.0, 0.0, 2 / 500])


@pytest.mark.parametrize("name", list_levels())
def test_what_a_step_returned_is_never_changed_later(name):
    env = TownEnv(load_pack(name).level, 3, seed=6)
    generator = torch.Generator().manual_seed(6)
    kept = []
    for _ in range(6):
        obs, streams, terminated, _, info = env.step(random_legal(env, generator))
        taken = (obs, info["action_mask"], streams.extrinsic, terminated, env.meters, env.cell)
        kept.append((taken, [tensor.clone() for tensor in taken]))
    env.reset()
    for taken, copies in kept:
        assert all(one.equal(two) for one, two in zip(taken, copies, strict=True))


def test_observation_at_the_end_is_the_true_next_one():
    env = TownEnv(make_level(max_steps=1), 1)
    obs, _, _, truncated, _ = act(env, "WAIT")
    assert bool(truncated[0])
    part = env.layout.group("clock")
    assert obs[0, part.stop - 1] == 1.0
    assert obs[0, env.layout.group("meters").slice].equal(env.meters[0])
