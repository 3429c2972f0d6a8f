"""The same trees over latent states: no rules below the root, rewards on the edges.

The learned model here is no network but a game small enough to know: its latent is
[sum of the columns played so far, plies], and what it predicts is written down below.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from hamlet.errors import HamletError
from hamlet.search.boards import Boards
from hamlet.search.latent_dynamics import LatentDynamics
from hamlet.search.search import Search
from hamlet.search.settings import SearchSettings

ROOTS = pytest.mark.parametrize("root", ["puct", "gumbel"])


class Dominoes:
    """Whoever plays column 5 at any time gets a reward of 1; the rest is worth nothing."""

    def __init__(self, reward: float = 1.0) -> None:
        self.reward = reward
        self.seen: list[Tensor] = []

    def represent(self, planes: Tensor) -> Tensor:
        assert planes.shape[1:] == (3, 6, 7)
        return torch.zeros(len(planes), 2)

    def dynamics(self, latents: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        assert columns.dtype == torch.int64
        self.seen.append(torch.cat((latents, columns[:, None]), dim=1))
        after = latents + torch.stack((columns.float(), torch.ones(len(columns))), dim=1)
        return after, self.reward * (columns == 5).float()[:, None]

    def predict(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(len(latents), 7), torch.zeros(len(latents), 1)


def search_in(model: Dominoes, settings: SearchSettings, boards: Boards) -> Search:
    dynamics = LatentDynamics(model.represent, model.dynamics, model.predict, settings)
    search = Search(dynamics, settings, len(boards))
    search.start(np.arange(len(boards)), boards, np.arange(len(boards)))
    search.run()
    return search


@ROOTS
@pytest.mark.parametrize("leaves", [1, 4])
def test_move_with_a_reward_is_found(root: str, leaves: int) -> None:
    settings = SearchSettings(simulations=100, root=root, leaves_per_wave=leaves)
    search = search_in(Dominoes(), settings, Boards.empty(3))
    found = search.found()
    assert (found.visits.sum(axis=1) == 100).all()
    assert search.choose().tolist() == [5, 5, 5]
    assert (found.visits.argmax(axis=1) == 5).all()


def test_reward_of_the_reply_is_the_movers_loss() -> None:
    """A mover who is punished for column 5 avoids it; the reply's punishment is its gain."""
    settings = SearchSettings(simulations=200)
    found = search_in(Dominoes(reward=-1.0), settings, Boards.empty(1)).found()
    assert found.visits[0, 5] == found.visits[0].min()
    assert found.column_values[0, 5] < -0.5


@ROOTS
def test_closed_columns_are_respected_at_the_root_only(root: str) -> None:
    settings = SearchSettings(simulations=60, root=root)
    boards = Boards.after([[5] * 6, [0] * 6])
    model = Dominoes()
    search = search_in(model, settings, boards)
    found = search.found()
    assert found.visits[0, 5] == 0
    assert found.visits[1, 0] == 0
    below = torch.cat(model.seen)
    assert (below[below[:, 1] > 0][:, 2] == 5).any()


def test_latents_follow_the_path_that_leads_to_them() -> None:
    settings = SearchSettings(simulations=80)
    search = search_in(Dominoes(), settings, Boards.empty(2))
    tree, latents = search.tree, search.dynamics.latents
    for t in range(2):
        for node in range(1, tree.used[t]):
            parent, column = tree.parent[t, node], tree.edge[t, node]
            assert latents[t, node, 0] == latents[t, parent, 0] + column
            assert latents[t, node, 1] == latents[t, parent, 1] + 1


def test_played_moves_begin_a_new_tree_from_the_real_board() -> None:
    settings = SearchSettings(simulations=30)
    search = search_in(Dominoes(), settings, Boards.empty(2))
    search.play(np.arange(2), np.array([5, 5]))
    assert (search.tree.used == 1).all()
    found = search.run()
    assert (found.visits.sum(axis=1) == 30).all()


def test_resumed_search_in_latent_space_goes_on_to_the_last_bit() -> None:
    settings = SearchSettings(simulations=60)

    def made() -> Search:
        model = Dominoes()
        dynamics = LatentDynamics(model.represent, model.dynamics, model.predict, settings)
        return Search(dynamics, settings, 2, explore=True)

    search = made()
    search.start(np.arange(2), Boards.empty(2), np.array([4, 5]))
    search.begin()
    for _ in range(20):
        search.wave()
    resumed = made()
    resumed.load_state_dict(search.state_dict())
    for one in (search, resumed):
        while one.wave():
            pass
    assert (search.found().visits == resumed.found().visits).all()
    assert (search.found().values == resumed.found().values).all()


@pytest.mark.parametrize(
    "fields", [{"transposition": True}, {"symmetric_evaluation": "mean"}], ids=str
)
def test_settings_that_need_positions_are_refused(fields: dict) -> None:
    model = Dominoes()
    settings = SearchSettings(simulations=10, **fields)
    with pytest.raises(HamletError, match="need positions"):
        LatentDynamics(model.represent, model.dynamics, model.predict, settings)
