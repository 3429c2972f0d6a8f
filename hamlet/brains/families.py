"""The table of network families. A new family is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hamlet.brains import dueling, feedforward, recurrent_spatial
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
        sections: readers of the top-level sections that say how it learns.
        network: built as `network(spec, layout)`; draws nothing while being built.
        adapter: the system whose own request form models of this family understand.
        check_layout: `(block, layout)` to what of the block does not fit the observation, with
            paths relative to the block.
    """

    name: str
    fields: Mapping[str, Reader]
    sections: Mapping[str, Reader]
    network: type[CompiledBrain]
    adapter: str
    check_layout: Callable[[dict[str, Any], ObservationLayout], Iterable[Problem]] = fits_any_layout


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
            adapter="town",
        ),
        Family(
            name="dueling",
            fields=dueling.FIELDS,
            sections=q_learning_sections(
                learning_rate=2.5e-4, loss="mse", batch_size=64, recurrent=False
            ),
            network=dueling.DuelingBrain,
            adapter="town",
        ),
        Family(
            name="recurrent_spatial",
            fields=recurrent_spatial.FIELDS,
            sections=q_learning_sections(
                learning_rate=1e-4, loss="huber", batch_size=16, recurrent=True
            ),
            network=recurrent_spatial.RecurrentSpatialBrain,
            adapter="town",
            check_layout=recurrent_spatial.check_layout,
        ),
    )
}
