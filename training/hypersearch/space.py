"""What may be tried: settings of a config by their paths, and the values that each may have.

{"learning_rate": {"loguniform": [1e-4, 1e-2]},
 "advanced_config.channels": {"choice": [32, 64]},
 "regularization.l2": {"uniform": [0, 0.001]},
 "batch_size": {"int": [32, 256]}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake
from hamlet.schema import content_hash, describe, hint, is_finite, join

CHOICE, UNIFORM, LOGUNIFORM, INT = KINDS = ("choice", "uniform", "loguniform", "int")
MOST_PARAMETERS, MOST_CHOICES = 20, 20
PATH = re.compile(r"[a-z][a-z0-9_]{0,59}(\.[a-z][a-z0-9_]{0,59}){0,4}")
NOT_COMPARABLE = "changes what val_loss is measured on, so trials could not be compared"
REFUSED = {
    "model_type": "a search is for one type; search for each of them",
    "devices": "says how fast a trial is, not how good",
    "validation_split": NOT_COMPARABLE,
    "value_target": NOT_COMPARABLE,
    "value_decay": NOT_COMPARABLE,
}


@dataclass(frozen=True)
class Parameter:
    """One setting that is tried.

    Attributes:
        path: in a config, in snake_case. kind: of KINDS.
        among: the values of a choice; else the lowest and the highest value.
    """

    path: str
    kind: str
    among: tuple[Any, ...]

    def to_data(self) -> dict[str, Any]:
        return {"path": self.path, "kind": self.kind, "among": list(self.among)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Parameter:
        return cls(data["path"], data["kind"], tuple(data["among"]))


def read_space(space: Any, where: str, problems: list[Problem]) -> list[Parameter]:
    """The parameters in alphabetical order. Args: problems: gets every fault, each with its path
    below `where`."""
    if not isinstance(space, Mapping) or not 0 < len(space) <= MOST_PARAMETERS:
        message = f"found {describe(space)}; expected a mapping of 1 to {MOST_PARAMETERS} settings"
        problems.append(Problem(where, message))
        return []
    found: dict[str, Parameter] = {}
    for name, entry in space.items():
        here = join(where, name)
        try:
            path = read_path(name, here)
            check_apart(path, found, here)
            found[path] = Parameter(path, *read_entry(entry, here))
        except SpecError as error:
            problems += error.problems
    return [found[path] for path in sorted(found)]


def read_path(name: Any, here: str) -> str:
    """Raises: SpecError."""
    path = snake(name) if isinstance(name, str) else ""
    if not PATH.fullmatch(path):
        message = "expected the path of a setting, such as learning_rate or regularization.l2"
        raise fault(here, f"found {describe(name)}; {message}")
    if path in REFUSED:
        raise fault(here, f"{path} {REFUSED[path]}; say it in config")
    return path


def check_apart(path: str, others: Iterable[str], here: str) -> None:
    """Raises: SpecError if one of two paths is, or lies within, the other."""
    for other in others:
        if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
            raise fault(here, f"{path} and {other} set the same; keep one of them")


def read_entry(entry: Any, here: str) -> tuple[str, tuple[Any, ...]]:
    """The kind of an entry and its values. Raises: SpecError."""
    if not isinstance(entry, Mapping) or len(entry) != 1:
        example = '{"uniform": [0, 0.5]}'
        message = f"expected one of {', '.join(KINDS)} with its values, such as {example}"
        raise fault(here, f"found {describe(entry)}; {message}")
    ((kind, among),) = entry.items()
    if kind not in KINDS:
        message = f"found {describe(kind)}; expected one of {', '.join(KINDS)}{hint(kind, KINDS)}"
        raise fault(here, message)
    return kind, READERS[kind](among, join(here, kind))


def read_choices(among: Any, here: str) -> tuple[Any, ...]:
    """Any values that JSON has, each once. Raises: SpecError."""
    if not isinstance(among, list) or not 2 <= len(among) <= MOST_CHOICES:
        raise fault(here, f"found {describe(among)}; expected a list of 2 to {MOST_CHOICES} values")
    if len({content_hash(value) for value in among}) < len(among):
        raise fault(here, "found a value twice; expected each once")
    return tuple(among)


def read_bounds(among: Any, here: str) -> tuple[float, float]:
    """Raises: SpecError unless these are two finite numbers in rising order."""
    good = isinstance(among, list) and len(among) == 2 and all(map(is_number, among))
    if not good or not among[0] < among[1]:
        message = "expected two finite numbers, the lowest and the highest, such as [0, 0.5]"
        raise fault(here, f"found {describe(among)}; {message}")
    return float(among[0]), float(among[1])


def read_positive_bounds(among: Any, here: str) -> tuple[float, float]:
    """Raises: SpecError."""
    low, high = read_bounds(among, here)
    if low <= 0:
        raise fault(here, f"found {low:g} as the lowest; its logarithm needs one above 0")
    return low, high


def read_whole_bounds(among: Any, here: str) -> tuple[int, int]:
    """Raises: SpecError."""
    low, high = read_bounds(among, here)
    if not (low.is_integer() and high.is_integer() and abs(low) < 2**53 and abs(high) < 2**53):
        raise fault(here, f"found {describe(among)}; expected two whole numbers")
    return int(low), int(high)


READERS: dict[str, Callable[[Any, str], tuple[Any, ...]]] = {
    CHOICE: read_choices,
    UNIFORM: read_bounds,
    LOGUNIFORM: read_positive_bounds,
    INT: read_whole_bounds,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value)


def fault(path: str, message: str) -> SpecError:
    return SpecError([Problem(path, message)])


def with_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The config, in snake_case, with values by path in it.

    Raises: SpecError where a path goes on below something that is no mapping.
    """
    changed = deepcopy(dict(config))
    for path, value in values.items():
        *parents, last = path.split(".")
        section = changed
        for depth, name in enumerate(parents):
            if section.get(name) is None:
                section[name] = {}
            section = section[name]
            if not isinstance(section, dict):
                above = ".".join(parents[: depth + 1])
                raise fault(path, f"{above} is {describe(section)} in config, not a mapping")
        section[last] = value
    return changed


def problems_of(
    parameters: Iterable[Parameter], where: str, refusing: Callable[[dict[str, Any]], None]
) -> list[Problem]:
    """What is wrong with single values, each tried by itself with all else as it is in the config.

    Args: refusing: called with values by path; raises SpecError if a run would be refused.
    """
    problems = []
    for parameter in parameters:
        for value in parameter.among:
            try:
                refusing({parameter.path: value})
            except SpecError as error:
                why = "; ".join(map(str, error.problems[:3]))
                problems.append(Problem(join(where, parameter.path), f"{describe(value)}: {why}"))
                break
    return problems
