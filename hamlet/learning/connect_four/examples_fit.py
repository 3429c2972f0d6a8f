"""A fit to given examples as the first epochs of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.brains import BoardBrain
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.content import Content
from hamlet.learning.connect_four.given_examples import as_examples, given_rows
from hamlet.learning.supervised import SupervisedFit
from hamlet.learning.supervised_epoch import FitEpoch
from hamlet.learning.trainer import Files

NO_VALIDATION = (
    "no examples are held back for validation, so early stopping is off: set validation_split"
)


class ExamplesFit:
    """Attributes:
    epochs: of the fit at most. validated: whether examples are held back to stop by.
    """

    def __init__(
        self,
        network: BoardBrain,
        content: Content,
        files: Files | None,
        seed: int,
        epochs: int,
        *,
        mirror_weight: float = 0.0,
        reply_weight: float = 0.0,
        warm_up_share: float = 0.0,
    ) -> None:
        """Args: content: of a run with a dataset. The weights: as `SupervisedFit` has them.

        Raises: SpecError, DatasetError if there is nothing to learn from, or a file is damaged.
        """
        self.epochs = epochs
        rows, validating = given_rows(content, files, seed)
        says_policy = rows["policy"].sum(axis=1) > 0
        if not (says_policy & ~validating).any():
            message = (
                f"{len(rows)} examples, of which none to learn from says which column should be "
                "played; expected some with a policy, or a smaller validation_split"
            )
            raise SpecError([Problem("content.dataset", message)])
        held_back = bool((says_policy & validating).any())
        self.fit = SupervisedFit(
            network,
            as_examples(rows[~validating], network.device, with_replies=reply_weight > 0),
            as_examples(rows[validating], network.device) if held_back else None,
            {**content.config, "epochs": epochs},
            seed=seed,
            mirror_weight=mirror_weight,
            reply_weight=reply_weight,
            warm_up_share=warm_up_share,
            fixed_norms=content.base is not None,
            owns_network=False,
        )
        network.eval()

    @property
    def validated(self) -> bool:
        return self.fit.early_stopping

    def advance(self) -> FitEpoch | None:
        """One batch. Returns: the report of the epoch that it ended."""
        network = self.fit.network
        network.train()
        try:
            return self.fit.advance_batch()
        finally:
            network.eval()

    def state_dict(self) -> dict[str, Any]:
        return self.fit.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.fit.load_state_dict(state)
