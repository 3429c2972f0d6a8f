"""The five stages of the adversarial curriculum: from a mild town to the real one, and past it."""

from __future__ import annotations

from dataclasses import dataclass

from hamlet.envs.town.tables import METER_NAMES


@dataclass(frozen=True)
class Stage:
    """How hard the town is.

    Attributes:
        number: from 1. active_meters: those that live; money held means a free town.
        loss_multiplier: of base losses. sparse: pay -1 at death and else nothing, in place of the
            level's own reward.
    """

    number: int
    active_meters: tuple[str, ...]
    loss_multiplier: float
    sparse: bool = False


STAGES = (
    Stage(1, ("energy", "hygiene"), 0.2),
    Stage(2, ("energy", "hygiene", "satiation"), 0.5),
    Stage(3, ("energy", "hygiene", "satiation", "money"), 0.8),
    Stage(4, METER_NAMES, 1.0),
    Stage(5, METER_NAMES, 1.0, sparse=True),
)
FIRST, LAST = STAGES[0].number, STAGES[-1].number


def stage(number: int) -> Stage:
    return STAGES[number - 1]
