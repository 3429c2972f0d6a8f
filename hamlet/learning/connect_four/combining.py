"""What the weights of an ensemble are fitted on: examples that none of its members learned from.

Those are the ones of the run that are held back. Without them it is positions of random play,
with the answers of the solver: perfect play favours no member, and none has seen the positions.

Shapes: M members, N examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hamlet.brains.board_ensemble import BoardEnsembleBrain
from hamlet.datasets.rows import canonical_keys_of
from hamlet.envs.connect_four.batch import open_columns_of
from hamlet.learning.connect_four.content import Content
from hamlet.learning.connect_four.given_examples import as_examples, given_rows
from hamlet.learning.connect_four.position_buffer import PositionBuffer
from hamlet.learning.connect_four.solved_positions import SolvedPositions
from hamlet.learning.ensemble_weights import FittedWeights, Targets, fit_weights
from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_validating import in_pieces, validation_metrics
from hamlet.learning.trainer import Files

NO_SPLIT = (
    "no examples are held back for validation, so the weights of the members are fitted on "
    "positions that the solver labels: set validation_split to fit them on examples"
)


class Combining:
    """Attributes:
    held_back: examples of the run; None where there are none, and then `solved` fills up first.
    """

    def __init__(
        self, content: Content, files: Files | None, seed: int, device: torch.device
    ) -> None:
        """Raises: SpecError, DatasetError if the examples are not there or are damaged."""
        settings = content.config["advanced_config"]["fitting"]
        self.device, self.wanted = device, settings["positions"]
        self.held_back: Examples | None = None
        if content.dataset is not None:
            rows, validating = given_rows(content, files, seed)
            held_back = rows[validating & (rows["policy"].sum(axis=1) > 0)]
            if len(held_back):
                self.held_back = as_examples(held_back, device)
                keys = [canonical_keys_of(part) for part in (held_back, rows[~validating])]
                self._seen = torch.from_numpy(np.isin(*keys)).to(device)
        self.solved = PositionBuffer(self.wanted)
        self._positions = SolvedPositions(
            seed,
            "positions to fit weights on",
            most_empty_cells=settings["most_empty_cells"],
            softness=0.0,
            starts=settings["starts"],
        )

    @property
    def ready(self) -> bool:
        return self.held_back is not None or len(self.solved) == self.wanted

    def gather(self) -> None:
        """Let the solver label some positions."""
        self.solved.add(self._positions.advance(self.wanted - len(self.solved)))

    def validate(self, network: BoardEnsembleBrain) -> dict[str, float]:
        """What the network says of the examples held back; nothing where there are none."""
        if self.held_back is None:
            return {}
        return validation_metrics(network, self.held_back, self._seen)

    @torch.no_grad()
    def fit(self, network: BoardEnsembleBrain) -> FittedWeights:
        """Give the members of the network the weights and temperatures that fit best. Once
        `ready`."""
        examples = self.held_back
        if examples is None:
            examples = self.solved.newest(torch.arange(len(self.solved)))
        logits, values = [], []
        for piece in in_pieces(examples):
            planes = Batch.of(piece).planes.to(self.device)
            answers = [member(planes) for member in network.members]
            logits.append(torch.stack([answer[0] for answer in answers]))
            values.append(torch.stack([answer[1].squeeze(1) for answer in answers]))
        legal = open_columns_of(examples.occupied)
        parts = (examples.policy, examples.value, examples.weight, legal)
        targets = Targets(*(part.to(self.device) for part in parts))
        with torch.enable_grad():
            found = fit_weights(torch.cat(logits, dim=1), torch.cat(values, dim=1), targets)
        network.set_combination(found.weights, found.temperatures)
        return found

    def state_dict(self) -> dict[str, Any]:
        return {"solved": self.solved.state_dict(), "positions": self._positions.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.solved.load_state_dict(state["solved"])
        self._positions.load_state_dict(state["positions"])
