"""What may stand in a level.yaml: one reader per field, and the rules between fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.envs.town.tables import (
    ACTION_NAMES,
    AFFORDANCE_NAMES,
    HOURS,
    METER_NAMES,
    METERS,
    PIVOTAL,
)
from hamlet.errors import Problem
from hamlet.schema import (
    Choice,
    Flag,
    Integer,
    ListOf,
    Number,
    Reader,
    Section,
    Tagged,
    Text,
    describe,
)

MAX_SIDE = 64
MAX_WINDOW = 31
SHAPING_TERMS = ("approach", "completion", "balance", "crisis_avoidance", "diversity")


class View(Reader):
    """`full`, or the odd side of a square window with the agent in its middle."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "full" and not (whole and 3 <= value <= MAX_WINDOW and value % 2):
            expected = f"expected full or an odd window size from 3 to {MAX_WINDOW}"
            problems.append(Problem(path, f"found {describe(value)}; {expected}"))
        return value


class StartHour(Reader):
    """An hour of the day, or `random` for another one each episode."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "random" and not (whole and 0 <= value < HOURS):
            expected = f"expected random or a whole number from 0 to {HOURS - 1}"
            problems.append(Problem(path, f"found {describe(value)}; {expected}"))
        return value


class NamesOrAll(ListOf):
    """A list of names of a vocabulary, or `all`; read into the vocabulary's own order."""

    def __init__(self, names: tuple[str, ...], *, default: Any = "all", shortest: int = 1) -> None:
        super().__init__(
            Choice(*names), shortest=shortest, longest=len(names), unique=True, default=default
        )
        self.names = names

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if isinstance(value, str) and value == "all":
            return list(self.names)
        if isinstance(value, str):
            problems.append(Problem(path, f"found {describe(value)}; expected all or a list"))
            return value
        before = len(problems)
        items = super().read(value, path, problems)
        if len(problems) > before:
            return items
        return [name for name in self.names if name in items]


def meter_amounts(low: float, high: float, defaults: Mapping[str, float]) -> Section:
    fields = {name: Number(low, high, default=defaults[name]) for name in METER_NAMES}
    return Section(fields, default={})


SOME_METERS = ListOf(Choice(*METER_NAMES), shortest=1, longest=len(METER_NAMES), unique=True)
WEIGHT = Number(-10.0, 10.0)

EXTRINSIC = Tagged(
    "kind",
    {
        "multiplicative": {"meters": SOME_METERS},
        "constant_base_with_bonus": {
            "base": Number(-10.0, 10.0, default=1.0),
            "bonuses": ListOf(
                Section(
                    {
                        "meter": Choice(*METER_NAMES),
                        "weight": WEIGHT,
                        "center": Number(0.0, 1.0, default=0.5),
                    }
                ),
                shortest=1,
                longest=len(METER_NAMES),
            ),
        },
        "weighted_sum": {
            "weights": ListOf(
                Section({"meter": Choice(*METER_NAMES), "weight": WEIGHT}),
                shortest=1,
                longest=len(METER_NAMES),
            )
        },
        "min_of": {"meters": SOME_METERS},
        "threshold": {
            "meters": SOME_METERS,
            "above": Number(0.0, 1.0),
            "reward": Number(-10.0, 10.0, default=1.0),
            "otherwise": Number(-10.0, 10.0, default=0.0),
        },
    },
)

LEVEL_SCHEMA = Section(
    {
        "version": Choice(1),
        "name": Text(pattern=r"[A-Za-z][A-Za-z0-9_.\-]{0,39}", shape="a short name, like L1"),
        "title": Text(longest=80),
        "description": Text(longest=600),
        "grid": Section({"width": Integer(2, MAX_SIDE), "height": Integer(2, MAX_SIDE)}),
        "view": View(default="full"),
        "grid_encoding": Choice("planes", "scalar", default="planes"),
        "affordances": NamesOrAll(AFFORDANCE_NAMES),
        "active_meters": NamesOrAll(METER_NAMES),
        "start": meter_amounts(0.0, 1.0, {meter.name: meter.start for meter in METERS}),
        "base_losses": meter_amounts(0.0, 1.0, {meter.name: meter.base_loss for meter in METERS}),
        "disabled_actions": NamesOrAll(
            tuple(name for name in ACTION_NAMES if name != "WAIT"), default=[], shortest=0
        ),
        "temporal": Section(
            {"enabled": Flag(default=False), "start_hour": StartHour(default=0)}, default={}
        ),
        "max_steps": Integer(1, 100_000),
        "episode_budget": Integer(1, 10_000_000),
        "extrinsic": EXTRINSIC,
        "intrinsic_modifiers": ListOf(
            Section(
                {
                    "meter": Choice(*METER_NAMES),
                    "min": Number(0.0, 1.0, default=0.0),
                    "max": Number(0.0, 1.0, default=1.0),
                    "multiplier": Number(0.0, 10.0),
                }
            ),
            longest=16,
            default=[],
        ),
        "shaping": Section(
            {
                "discount": Number(0.0, 1.0, default=0.99),
                **{term: Number(-10.0, 10.0, default=0.0) for term in SHAPING_TERMS},
            },
            default={},
        ),
        "retirement_bonus": Number(-1000.0, 1000.0, default=0.0),
    }
)


def contradictions(data: Mapping[str, Any], path: str = "") -> list[Problem]:
    """Faults that no single field shows. `data` has passed LEVEL_SCHEMA."""
    prefix = f"{path}." if path else ""
    found = []
    cells = data["grid"]["width"] * data["grid"]["height"]
    if len(data["affordances"]) > cells:
        message = f"found {len(data['affordances'])} places for {cells} cells; enlarge the grid"
        found.append(Problem(f"{prefix}affordances", message))
    if not data["temporal"]["enabled"] and data["temporal"]["start_hour"] != 0:
        message = (
            f"found {describe(data['temporal']['start_hour'])}; expected 0, since the clock "
            "stands still unless temporal.enabled is true"
        )
        found.append(Problem(f"{prefix}temporal.start_hour", message))
    for name in PIVOTAL:
        if name in data["active_meters"] and data["start"][name] <= 0:
            message = "found 0; expected more, since an agent that starts at 0 is dead"
            found.append(Problem(f"{prefix}start.{name}", message))
    for index, modifier in enumerate(data["intrinsic_modifiers"]):
        if modifier["min"] >= modifier["max"]:
            message = f"found {modifier['max']}; expected more than min ({modifier['min']})"
            found.append(Problem(f"{prefix}intrinsic_modifiers[{index}].max", message))
    return found
