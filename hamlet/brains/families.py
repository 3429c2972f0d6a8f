"""The table of network families. A new family is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from hamlet.brains import (
    alphazero,
    board_dqn,
    board_ensemble,
    dueling,
    feedforward,
    muzero,
    ppo,
    recurrent_spatial,
    recurrent_spatial_fields,
    transformer,
)
from hamlet.brains.board import check_board
from hamlet.brains.learning_settings import q_learning_sections
from hamlet.brains.network import CompiledBrain
from hamlet.errors import Problem
from hamlet.layout import ObservationLayout
from hamlet.schema import Reader


def fits_any_layout(block: dict[str, Any], layout: ObservationLayout) -> Iterable[Problem]:
    return ()


@dataclass(frozen=True)
class Family:
    """One row of the table.

    Attributes:
        name: value of `architecture.type`, and name of the block that holds its fields.
        fields: readers of that block.
        sections: readers of the top-level sections that say how it learns; none where that
            stands in the run's configuration, as for networks of a board.
        network: built as `network(spec, layout)`; draws nothing while being built.
        activations: `(block, layout)` to the numbers that one observation leaves in memory on its
            way through the network, by field of the block.
        adapter: the system whose own request form models of this family understand.
        check_layout: `(block, layout)` to what of the block does not fit the observation, with
            paths relative to the block.
    """

    name: str
    fields: Mapping[str, Reader]
    sections: Mapping[str, Reader]
    network: type[CompiledBrain]
    activations: Callable[[dict[str, Any], ObservationLayout], dict[str, int]]
    adapter: str
    check_layout: Callable[[dict[str, Any], ObservationLayout], Iterable[Problem]] = fits_any_layout


def _board(name: str, module: ModuleType, network: type[CompiledBrain]) -> Family:
    """A row for a network of a board: its module says the rest."""
    return Family(
        name=name,
        fields=module.FIELDS,
        sections={},
        network=network,
        activations=module.activations,
        adapter="connect_four",
        check_layout=getattr(module, "check_layout", check_board),
    )


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="feedforward",
            fields=feedforward.FIELDS,
            sections=q_learning_sections(
                learning_rate=2.5e-4, loss="mse", batch_size=64, recurrent=False
            ),
            network=feedforward.FeedforwardBrain,
            activations=feedforward.activations,
            adapter="town",
        ),
        Family(
            name="dueling",
            fields=dueling.FIELDS,
            sections=q_learning_sections(
                learning_rate=2.5e-4, loss="mse", batch_size=64, recurrent=False
            ),
            network=dueling.DuelingBrain,
            activations=dueling.activations,
            adapter="town",
        ),
        Family(
            name="recurrent_spatial",
            fields=recurrent_spatial_fields.FIELDS,
            sections=q_learning_sections(
                learning_rate=1e-4, loss="huber", batch_size=16, recurrent=True
            ),
            network=recurrent_spatial.RecurrentSpatialBrain,
            activations=recurrent_spatial_fields.activations,
            adapter="town",
            check_layout=recurrent_spatial_fields.check_layout,
        ),
        _board("alphazero", alphazero, alphazero.AlphaZeroBrain),
        _board("muzero", muzero, muzero.MuZeroBrain),
        _board("transformer", transformer, transformer.TransformerBrain),
        _board("ppo", ppo, ppo.PpoBrain),
        _board("dqn", board_dqn, board_dqn.BoardDqnBrain),
        _board("ensemble", board_ensemble, board_ensemble.BoardEnsembleBrain),
    )
}
