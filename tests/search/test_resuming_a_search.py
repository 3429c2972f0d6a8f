"""A search saved and resumed goes on to the last bit; a damaged state is refused."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

from hamlet.errors import CheckpointError
from hamlet.search.boards import Boards
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.search import Search
from hamlet.search.settings import SearchSettings
from hamlet.state_tree import put_together, take_apart
from tests.search.evaluators_for_tests import ByFormula

SETTINGS = SearchSettings(simulations=50, leaves_per_wave=2)


def begun(settings: SearchSettings, *, moves: int = 3, waves: int = 7) -> Search:
    """A search some moves into its games, amid a move."""
    search = made(settings)
    search.start(np.arange(4), Boards.empty(4), np.arange(4) * 31 + 5)
    for _ in range(moves):
        search.run()
        search.play(np.arange(4), search.choose(np.ones(4)))
    search.begin()
    for _ in range(waves):
        search.wave()
    return search


def made(settings: SearchSettings) -> Search:
    return Search(RulesDynamics(ByFormula(), settings), settings, 4, explore=True)


def played_on(search: Search) -> list:
    """Whatever there is to see of the next moves."""
    seen = []
    while search.wave():
        pass
    for _ in range(4):
        found = search.found()
        columns = search.choose(np.ones(4))
        seen.append((found.visits.tolist(), found.values.tolist(), columns.tolist()))
        search.play(found.rows, columns)
        search.run()
    return seen


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        SearchSettings(simulations=50, root="gumbel"),
        SearchSettings(simulations=50, transposition=True, transposition_positions=1024),
        SearchSettings(simulations=50, symmetric_evaluation="random", reuse_tree=False),
    ],
)
def test_resumed_search_goes_on_to_the_last_bit(settings: SearchSettings) -> None:
    search = begun(settings)
    form, tensors = take_apart(search.state_dict())
    expected = played_on(search)
    resumed = made(settings)
    resumed.load_state_dict(put_together(json.loads(json.dumps(form)), tensors))
    assert played_on(resumed) == expected


def test_state_is_a_copy_that_later_play_does_not_change() -> None:
    search = begun(SETTINGS)
    state = search.state_dict()
    before = copy.deepcopy(state)
    played_on(search)
    for name, tensor in before["nodes"].items():
        assert torch.equal(tensor, state["nodes"][name])


def set_number(*path: str, at: tuple, to: int):
    def damage(state: dict) -> None:
        for name in path[:-1]:
            state = state[name]
        state[path[-1]][at] = to

    return damage


DAMAGES = {
    "child beyond the tree": set_number("nodes", "child", at=(0, 3), to=5_000),
    "child that is its own parent": set_number("nodes", "child", at=(0, 3), to=0),
    "parent after its child": set_number("nodes", "parent", at=(2,), to=40),
    "edge that is no column": set_number("nodes", "edge", at=(2,), to=7),
    "node that hangs on nothing": set_number("nodes", "parent", at=(2,), to=-1),
    "more nodes than there is room for": set_number("used", at=(1,), to=52),
    "more left than there was": set_number("rows", "left", at=(0,), to=51),
    "board with stones outside": set_number("rows", "occupied", at=(0,), to=1 << 50),
    "active game without a tree": set_number("used", at=(1,), to=0),
    "array of another run": lambda state: state["rows"].update(left=torch.zeros(5).long()),
    "array that is missing": lambda state: state["nodes"].pop("value"),
    "no nodes at all": lambda state: state.pop("nodes"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_state_is_refused(damage) -> None:
    state = begun(SETTINGS).state_dict()
    damage(state)
    with pytest.raises(CheckpointError, match="search"):
        made(SETTINGS).load_state_dict(state)


def test_table_of_known_evaluations_of_another_size_is_refused() -> None:
    small = SearchSettings(simulations=50, transposition=True, transposition_positions=1024)
    large = SearchSettings(simulations=50, transposition=True, transposition_positions=2048)
    with pytest.raises(CheckpointError, match="1024 evaluations; expected 2048"):
        made(large).load_state_dict(begun(small).state_dict())
