"""Search stored positions again with what the network knows now.

Source: Schrittwieser et al. 2020, https://doi.org/10.1038/s41586-020-03051-4, "MuZero Reanalyze".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from hamlet.learning.connect_four.game_store import GameStore
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import generator_state, load_generator
from hamlet.search.boards import Boards
from hamlet.search.search import Dynamics, Search
from hamlet.search.settings import SearchSettings


class Reanalysis:
    """Takes games at random and writes what a new search says over what an old one said."""

    def __init__(
        self, dynamics: Callable[[], Dynamics], settings: SearchSettings, seed: int
    ) -> None:
        """Args: dynamics: makes the states of one search."""
        self.dynamics, self.settings = dynamics, settings
        self._generator = generator_for(seed, "reanalysis")

    def renew(self, store: GameStore) -> int:
        """One game. Returns: positions that were searched."""
        row = torch.randint(len(store), (1,), generator=self._generator)
        count = int(store.columns["plies"][row])
        boards = Boards(
            *(store.columns[name][int(row), :count].numpy().copy() for name in ("own", "occupied"))
        )
        search = Search(self.dynamics(), self.settings, count)
        search.start(np.arange(count), boards, np.zeros(count, np.int64))
        found = search.run()
        store.write_search(
            row.expand(count),
            torch.arange(count),
            torch.from_numpy(found.policy),
            torch.from_numpy(found.values),
        )
        return count

    def state_dict(self) -> dict[str, Any]:
        return {"generator": generator_state(self._generator)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        load_generator(self._generator, state["generator"], "generator")
