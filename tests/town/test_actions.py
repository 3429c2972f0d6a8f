"""Which actions are legal, what an illegal one does, and that an ended row stands still."""

import pytest
import torch

from hamlet.envs.town import IllegalActionError, TownEnv, list_levels, load_pack
from hamlet.envs.town.tables import ACTION_NAMES
from hamlet.errors import ShapeError, SpecError
from tests.town.towns import act, all_rows, make_level, put, random_legal, stand_on

UP, DOWN, LEFT, RIGHT, INTERACT, WAIT, REST, MEDITATE = range(8)


def place_agent(env: TownEnv, x: int, y: int) -> None:
    saved = env.state_dict()
    saved["cell"][:] = y * env.level.width + x
    env.load_state_dict(saved)


@pytest.mark.parametrize(
    ("x", "y", "blocked"),
    [
        (0, 0, {UP, LEFT}),
        (7, 0, {UP, RIGHT}),
        (0, 7, {DOWN, LEFT}),
        (7, 7, {DOWN, RIGHT}),
        (3, 0, {UP}),
        (0, 3, {LEFT}),
        (3, 3, set()),
    ],
)
def test_no_move_leads_off_the_grid(x, y, blocked):
    env = TownEnv(load_pack("L1").level, 1)
    place_agent(env, x, y)
    moves = env.action_mask[0, :4].tolist()
    assert {action for action, legal in enumerate(moves) if not legal} == blocked


@pytest.mark.parametrize(
    ("action", "dx", "dy"), [("UP", 0, -1), ("DOWN", 0, 1), ("LEFT", -1, 0), ("RIGHT", 1, 0)]
)
def test_move_goes_one_cell_on_a_grid_that_is_not_square(action, dx, dy):
    env = TownEnv(make_level(grid={"width": 9, "height": 4}), 1)
    place_agent(env, 3, 2)
    act(env, action)
    shown = env.snapshot(0)
    assert (shown["x"], shown["y"]) == (3 + dx, 2 + dy)


def test_interact_is_legal_on_a_place_only():
    env = TownEnv(load_pack("L0").level, 1)
    bed = int(env.places[0, 0])
    for cell in range(9):
        place_agent(env, cell % 3, cell // 3)
        assert bool(env.action_mask[0, INTERACT]) == (cell == bed)


@pytest.mark.parametrize(
    ("name", "off"), [("L0", [MEDITATE]), ("L0.5", [REST, MEDITATE]), ("L1", [])]
)
def test_actions_that_the_level_turns_off_are_illegal(name, off):
    env = TownEnv(load_pack(name).level, 4)
    for action in (REST, MEDITATE):
        assert env.action_mask[:, action].tolist() == [action not in off] * 4


def test_everything_but_waiting_can_be_turned_off():
    others = [name for name in ACTION_NAMES if name != "WAIT"]
    env = TownEnv(make_level(disabled_actions=others), 3)
    assert env.action_mask.nonzero().tolist() == [[row, WAIT] for row in range(3)]


def test_illegal_action_is_executed_as_waiting():
    one, two = (TownEnv(load_pack("L0").level, 1, seed=1) for _ in range(2))
    for env in (one, two):
        place_agent(env, 0, 0)
    _, _, _, _, info = act(one, "UP")
    act(two, "WAIT")
    assert bool(info["illegal"][0])
    assert info["actions"].tolist() == [WAIT]
    assert one.obs.equal(two.obs)


def test_illegal_action_raises_in_debug_mode_and_changes_nothing():
    env = TownEnv(load_pack("L0").level, 2, debug=True)
    place_agent(env, 0, 0)
    before = env.obs.clone()
    with pytest.raises(IllegalActionError, match=r"row 0: found UP; expected one of DOWN, RIGHT"):
        act(env, "UP")
    assert env.obs.equal(before)
    assert env.steps.tolist() == [0, 0]


@pytest.mark.parametrize(
    "actions",
    [
        torch.tensor([0]),
        torch.tensor([[0, 0]]),
        torch.tensor([0.0, 1.0]),
        torch.tensor([True, False]),
        torch.tensor([0, 8]),
        torch.tensor([-1, 0]),
        torch.tensor([2**40, 0]),
        torch.tensor([1j, 0]),
    ],
    ids=["short", "deep", "float", "bool", "eight", "negative", "absurd", "complex"],
)
def test_actions_of_the_wrong_kind_are_refused_and_nothing_moves(actions):
    env = TownEnv(load_pack("L0").level, 2)
    before = env.obs
    with pytest.raises(ShapeError, match="actions: found"):
        env.step(actions)
    assert env.obs.equal(before)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_actions_may_be_whole_numbers_of_any_size(kind):
    env = TownEnv(load_pack("L0").level, 2)
    env.step(torch.full((2,), WAIT, dtype=kind))
    assert env.steps.tolist() == [1, 1]


@pytest.mark.parametrize("name", list_levels())
def test_random_play_never_meets_an_illegal_state(name):
    """102,000 steps over the levels, through many deaths: masks are never empty, nobody leaves
    the grid, no number leaves its range."""
    level = load_pack(name).level
    env = TownEnv(level, 60, seed=21, debug=True)
    generator = torch.Generator().manual_seed(21)
    deaths = 0
    for _ in range(340):
        _, streams, terminated, truncated, info = env.step(random_legal(env, generator))
        assert env.action_mask.any(dim=1).all()
        assert env.action_mask[:, WAIT].all()
        assert not info["illegal"].any()
        assert ((env.cell >= 0) & (env.cell < level.cells)).all()
        assert ((env.meters >= 0) & (env.meters <= 1)).all()
        assert ((env.obs >= -1) & (env.obs <= 1)).all()
        assert torch.isfinite(streams.extrinsic).all()
        deaths += int(terminated.sum())
        env.reset(terminated | truncated)
    assert deaths > 20


def ended_and_running() -> TownEnv:
    """Row 0 has died, row 1 has reached the time limit, row 2 runs on."""
    env = TownEnv(make_level("L3", max_steps=5), 3, seed=4)
    saved = env.state_dict()
    saved["meters"][0, 0] = 0.0
    saved["steps"][1] = 4
    env.load_state_dict(saved)
    _, _, terminated, truncated, _ = act(env, "WAIT")
    assert terminated.tolist() == [True, False, False]
    assert truncated.tolist() == [False, True, False]
    return env


def test_ended_rows_stand_still_until_they_are_reset():
    env = ended_and_running()
    before = env.state_dict()
    frozen = env.obs[:2].clone()
    for action in ("RIGHT", "REST", "INTERACT", "LEFT"):
        obs, streams, terminated, truncated, info = act(env, action)
        assert obs[:2].equal(frozen)
        assert streams.extrinsic[:2].tolist() == [0.0, 0.0]
        assert info["running"][:2].tolist() == [False, False]
        assert terminated[:2].tolist() == [True, False]
        assert truncated[:2].tolist() == [False, True]
    after = env.state_dict()
    for field in ("cell", "meters", "steps", "hour", "progress"):
        assert after[field][:2].equal(before[field][:2]), field
    assert int(env.steps[2]) == 5


def test_waiting_is_the_only_legal_action_of_an_ended_row():
    env = ended_and_running()
    assert env.action_mask[:2].nonzero().tolist() == [[0, WAIT], [1, WAIT]]
    assert env.action_mask[2].sum() > 1


def test_death_at_the_last_step_is_a_death():
    env = TownEnv(make_level(max_steps=1), 1)
    put(env, energy=0.0)
    _, _, terminated, truncated, _ = act(env, "WAIT")
    assert (terminated.tolist(), truncated.tolist()) == ([True], [False])
    assert env.end_reason(0) == "energy"


def test_reset_touches_the_chosen_rows_only():
    env = ended_and_running()
    kept = env.obs[1:].clone()
    obs = env.reset(torch.tensor([True, False, False]))
    assert obs[1:].equal(kept)
    assert env.terminated.tolist() == [False, False, False]
    assert env.truncated.tolist() == [False, True, False]
    assert env.steps.tolist() == [0, 5, 1]
    assert env.meters[0].tolist() == pytest.approx(list(env.level.start))


def test_reset_of_no_row_changes_nothing_and_draws_nothing():
    env = TownEnv(load_pack("L1").level, 2, seed=5)
    before, drawn = env.obs.clone(), env.generator.get_state()
    env.reset(torch.zeros(2, dtype=torch.bool))
    assert env.obs.equal(before)
    assert env.generator.get_state().equal(drawn)


@pytest.mark.parametrize("mask", [torch.tensor([1, 0]), torch.tensor([True]), [True, False, True]])
def test_mask_of_the_wrong_kind_is_refused(mask):
    env = TownEnv(load_pack("L0").level, 2)
    with pytest.raises(ShapeError, match="mask: found"):
        env.reset(mask)


@pytest.mark.parametrize("actions", ["abc", None, ["UP"], [[1], [1, 2]], object(), {"a": 1}])
def test_actions_that_are_no_numbers_are_refused_and_nothing_moves(actions):
    env = TownEnv(load_pack("L0").level, 2)
    before = env.obs.clone()
    with pytest.raises(ShapeError, match="actions: found"):
        env.step(actions)
    assert env.obs.equal(before)
    assert env.steps.tolist() == [0, 0]


def test_a_list_with_a_bad_seed_leaves_the_generator_alone():
    env = TownEnv(load_pack("L0").level, 2, seed=5)
    drawn = env.generator.get_state()
    with pytest.raises(SpecError, match="seed: found 'x'"):
        env.reset(seed=[3, "x"])
    assert env.generator.get_state().equal(drawn)


def test_affordances_stand_on_distinct_cells_and_everywhere_in_turn():
    env = TownEnv(load_pack("L0.5").level, 2000, seed=6)
    there = [0, 3, 6, 10]
    assert (env.places >= 0).nonzero()[:, 1].unique().tolist() == there
    cells = env.places[:, there].sort(dim=1).values
    assert (cells[:, 1:] != cells[:, :-1]).all()
    # 2,000 draws over 25 cells: 80 each; six standard deviations of sqrt(80 x 24/25) are 53.
    for kind in there:
        counts = torch.bincount(env.places[:, kind], minlength=25)
        assert ((counts > 27) & (counts < 133)).all()
    agents = torch.bincount(env.cell, minlength=25)
    assert ((agents > 27) & (agents < 133)).all()


def test_start_hours_are_random_where_the_level_says_so():
    hours = TownEnv(load_pack("L3").level, 1000, seed=7).hour
    assert hours.unique().tolist() == list(range(24))
    fixed = make_level("L3", temporal={"enabled": True, "start_hour": 9})
    assert TownEnv(fixed, 10).hour.tolist() == [9] * 10


def test_interact_moves_nobody_and_needs_a_place():
    env = TownEnv(load_pack("L0").level, 1, seed=8)
    stand_on(env, "Bed")
    cell = int(env.cell[0])
    env.step(all_rows(env, "INTERACT"))
    assert int(env.cell[0]) == cell
