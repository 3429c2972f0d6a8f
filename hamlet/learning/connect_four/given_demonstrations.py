"""The examples of a DQN run: transitions to begin with, and positions to validate with."""

from __future__ import annotations

import torch

from hamlet.brains import BoardBrain
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.content import Content
from hamlet.learning.connect_four.demonstrations import demonstrations
from hamlet.learning.connect_four.given_examples import as_examples, given_rows
from hamlet.learning.supervised_examples import seen_in
from hamlet.learning.supervised_validating import validation_metrics
from hamlet.learning.trainer import Files


class Demonstrations:
    """Attributes: plies: transitions to learn from."""

    def __init__(
        self, content: Content, files: Files | None, seed: int, device: torch.device
    ) -> None:
        """Args: content: of a run with a dataset.

        Raises: SpecError, DatasetError if there is nothing to learn from, or a file is damaged.
        """
        rows, validating = given_rows(content, files, seed)
        self.plies = demonstrations(rows[~validating], device)
        if not len(self.plies):
            message = (
                f"{len(rows)} examples, of which none to learn from names a column; expected some "
                "with a move or a policy, or a smaller validation_split"
            )
            raise SpecError([Problem("content.dataset", message)])
        self._validation = self._seen = None
        if (rows["policy"][validating].sum(axis=1) > 0).any():
            self._validation = as_examples(rows[validating], device)
            self._seen = seen_in(self.plies, self._validation)

    def validate(self, network: BoardBrain) -> dict[str, float]:
        """How well a network answers the examples held back, if there are any."""
        if self._validation is None or self._seen is None:
            return {}
        measured = validation_metrics(network, self._validation, self._seen)
        return {name: value for name, value in measured.items() if name.startswith("val_")}
