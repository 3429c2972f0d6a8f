"""The laws of the town as data: meters, relations, affordances and actions.

Ids are places in these tuples and never change, since weights and replays depend on them.
Amounts are in meter units: a meter runs from 0 to 1, and 1.0 of money is 100 dollars.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

HOURS = 24
CRISIS = 0.3  # a cascade source below this pulls its targets down


class Meter(NamedTuple):
    name: str
    role: str
    start: float
    base_loss: float  # per step


METERS = (
    Meter("energy", "pivotal", 1.0, 0.005),
    Meter("hygiene", "secondary", 1.0, 0.003),
    Meter("satiation", "primary", 1.0, 0.004),
    Meter("money", "resource", 0.5, 0.0),
    Meter("mood", "primary", 1.0, 0.001),
    Meter("social", "secondary", 1.0, 0.006),
    Meter("health", "pivotal", 1.0, 0.0),
    Meter("fitness", "primary", 1.0, 0.002),
)
METER_NAMES = tuple(meter.name for meter in METERS)
METER_ID = {name: index for index, name in enumerate(METER_NAMES)}
PIVOTAL = tuple(meter.name for meter in METERS if meter.role == "pivotal")  # death at 0

# Health falls by MODULATION_RATE x (MODULATION_FLOOR + MODULATION_SPAN x (1 - fitness)) per step.
MODULATION_RATE = 0.001
MODULATION_FLOOR = 0.5
MODULATION_SPAN = 2.5


class Cascade(NamedTuple):
    """While `source` is below CRISIS, `target` falls by strength x (CRISIS - source) / CRISIS."""

    group: str
    source: str
    target: str
    strength: float


CASCADES = (
    Cascade("primary to pivotal", "satiation", "health", 0.004),
    Cascade("primary to pivotal", "satiation", "energy", 0.005),
    Cascade("primary to pivotal", "mood", "energy", 0.005),
    Cascade("secondary to primary", "hygiene", "satiation", 0.002),
    Cascade("secondary to primary", "hygiene", "fitness", 0.002),
    Cascade("secondary to primary", "hygiene", "mood", 0.003),
    Cascade("secondary to primary", "social", "mood", 0.004),
    Cascade("secondary to pivotal", "hygiene", "health", 0.0005),
    Cascade("secondary to pivotal", "hygiene", "energy", 0.0005),
    Cascade("secondary to pivotal", "social", "energy", 0.0008),
)


@dataclass(frozen=True)
class Affordance:
    """A place that can be used.

    Attributes:
        price: paid by one INTERACT where temporal mechanics are off.
        tick_price: paid by each INTERACT where they are on.
        ticks: INTERACTs that one use takes where temporal mechanics are on.
        per_tick: change of each meter per tick; on_completion: with the last tick, on top.
        opens, closes: hours [opens, closes); a close above 24 wraps past midnight.
    """

    name: str
    price: float
    tick_price: float
    ticks: int
    per_tick: dict[str, float]
    on_completion: dict[str, float] = field(default_factory=dict)
    opens: int = 0
    closes: int = HOURS

    def is_open(self, hour: int) -> bool:
        return (hour - self.opens) % HOURS < self.closes - self.opens

    def total_effect(self) -> dict[str, float]:
        """Change of each meter by one whole use, without the price."""
        total = {name: amount * self.ticks for name, amount in self.per_tick.items()}
        for name, amount in self.on_completion.items():
            total[name] = total.get(name, 0.0) + amount
        return total


AFFORDANCES = (
    Affordance("Bed", 0.05, 0.01, 5, {"energy": 0.075}, {"energy": 0.125, "health": 0.02}),
    Affordance(
        "LuxuryBed", 0.11, 0.01833, 6, {"energy": 0.09375}, {"energy": 0.1875, "health": 0.05}
    ),
    Affordance("Shower", 0.03, 0.01, 3, {"hygiene": 0.1}, {"hygiene": 0.1}),
    Affordance(
        "HomeMeal", 0.03, 0.01, 2, {"satiation": 0.1125}, {"satiation": 0.1125, "health": 0.03}
    ),
    Affordance(
        "FastFood",
        0.10,
        0.05,
        2,
        {"satiation": 0.16875, "energy": 0.05625},
        {"satiation": 0.1125, "energy": 0.0375, "social": 0.01, "fitness": -0.03, "health": -0.02},
    ),
    Affordance("Doctor", 0.08, 0.04, 3, {"health": 0.09375}, {"health": 0.0625}, 8, 18),
    Affordance("Hospital", 0.15, 0.05, 6, {"health": 0.1}, {"health": 0.1}),
    Affordance("Therapist", 0.15, 0.05, 4, {"mood": 0.1}, {"mood": 0.1}, 8, 18),
    Affordance(
        "Recreation",
        0.06,
        0.03,
        3,
        {"mood": 0.09375, "energy": 0.045},
        {"mood": 0.0625, "energy": 0.03},
        8,
        22,
    ),
    Affordance(
        "Bar",
        0.15,
        0.075,
        2,
        {"social": 0.1875, "mood": 0.09375, "satiation": 0.1125},
        {
            "social": 0.125,
            "mood": 0.0625,
            "satiation": 0.075,
            "energy": -0.2,
            "hygiene": -0.15,
            "health": -0.05,
        },
        18,
        28,
    ),
    Affordance(
        "Job",
        0.0,
        0.0,
        8,
        {"money": 0.05625},
        {"money": 0.05625, "energy": -0.15, "social": 0.02, "health": -0.03},
        8,
        18,
    ),
    Affordance(
        "Labor",
        0.0,
        0.0,
        6,
        {"money": 0.075},
        {"money": 0.075, "energy": -0.2, "fitness": -0.05, "health": -0.05, "social": 0.01},
        8,
        18,
    ),
    Affordance(
        "Gym", 0.08, 0.02667, 4, {"fitness": 0.075}, {"fitness": 0.075, "energy": -0.08}, 6, 22
    ),
    Affordance(
        "Park",
        0.0,
        0.0,
        3,
        {"fitness": 0.05, "social": 0.0375, "mood": 0.0375},
        {"fitness": 0.05, "social": 0.0375, "mood": 0.0375, "energy": -0.15},
        6,
        22,
    ),
)
AFFORDANCE_NAMES = tuple(affordance.name for affordance in AFFORDANCES)
AFFORDANCE_ID = {name: index for index, name in enumerate(AFFORDANCE_NAMES)}
NOTHING = len(AFFORDANCES)  # the id of a cell without affordance
MAX_TICKS = max(affordance.ticks for affordance in AFFORDANCES)


class Action(NamedTuple):
    """dx, dy: columns to the right and rows down. effect: change of meters when it is taken."""

    name: str
    dx: int
    dy: int
    effect: dict[str, float]


MOVE_COST = {"energy": -0.005}
ACTIONS = (
    Action("UP", 0, -1, MOVE_COST),
    Action("DOWN", 0, 1, MOVE_COST),
    Action("LEFT", -1, 0, MOVE_COST),
    Action("RIGHT", 1, 0, MOVE_COST),
    Action("INTERACT", 0, 0, {"energy": -0.005}),
    Action("WAIT", 0, 0, {}),
    Action("REST", 0, 0, {"energy": 0.002, "mood": 0.01}),
    Action("MEDITATE", 0, 0, {"energy": -0.001, "mood": 0.02}),
)
ACTION_NAMES = tuple(action.name for action in ACTIONS)
UP, DOWN, LEFT, RIGHT, INTERACT, WAIT, REST, MEDITATE = range(len(ACTIONS))
MOVES = 4  # the first four actions move
