"""Observation layouts of the town levels, built by hand from the specification's tables."""

from __future__ import annotations

import math

from hamlet.layout import Group, ObservationLayout

AFFORDANCES = (
    *("Bed", "LuxuryBed", "Shower", "HomeMeal", "FastFood", "Doctor", "Hospital"),
    *("Therapist", "Recreation", "Bar", "Job", "Labor", "Gym", "Park"),
)
METERS = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
ACTIONS = ("UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT", "REST", "MEDITATE")
OTHER_GROUPS = (("position", (2,)), ("meters", (8,)), ("underfoot", (15,)), ("clock", (4,)))


def layout_of(groups: list[tuple[str, tuple[int, ...]]], encoding: str) -> ObservationLayout:
    placed, start = [], 0
    for name, shape in groups:
        stop = start + math.prod(shape)
        placed.append(Group(name, start, stop, shape))
        start = stop
    return ObservationLayout(tuple(placed), encoding, AFFORDANCES, METERS, ACTIONS)


def town_layout(side: int, encoding: str = "planes") -> ObservationLayout:
    """A square view of `side` cells: 8 for L1, 5 for the window of L2 and L3, 3 for L0."""
    shape = (15, side, side) if encoding == "planes" else (side, side)
    return layout_of([("grid", shape), *OTHER_GROUPS], encoding)


L1 = town_layout(8)
WINDOW = town_layout(5)
# Small enough for tests that build many networks.
TINY = town_layout(3)
