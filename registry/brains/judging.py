"""Judge a brain spec while somebody writes it: every fault with its line, and what it would make.

Nothing is kept and no network is built: it is measured on a blueprint, without its memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hamlet.errors import Problem, SpecError
from hamlet.systems import SYSTEMS, LevelChoice, System, find_system
from registry.brains.lines import line_of, lines_of
from registry.services import check_brain

if TYPE_CHECKING:
    from hamlet.brains import BrainSpec as Brain
    from hamlet.brains.measuring import Layer
    from hamlet.layout import ObservationLayout


@dataclass(frozen=True)
class Fault:
    """One thing wrong: where it stands, what was found, and the line if it can be known."""

    path: str
    message: str
    line: int | None


@dataclass(frozen=True)
class Overview:
    """The network that a spec makes for the observations of one level.

    Attributes:
        inputs: numbers of one observation. layers: in order, without memory for their weights.
        memory: bytes that learning with it takes, by what for; activations come on top.
    """

    system: str
    level: str
    inputs: int
    actions: tuple[str, ...]
    parameters: int
    layers: tuple[Layer, ...]
    memory: dict[str, int]

    @property
    def total_bytes(self) -> int:
        return sum(self.memory.values())

    @property
    def parameters_shown(self) -> str:
        return f"{self.parameters:,}"

    @property
    def rows(self) -> list[dict[str, str]]:
        """The layers as a table shows them."""
        return [
            {
                "name": layer.name,
                "type": layer.type,
                "output": " × ".join(map(str, layer.output)),
                "parameters": f"{layer.parameters:,}" if layer.parameters else "",
            }
            for layer in self.layers
        ]

    def to_data(self) -> dict[str, Any]:
        return {
            "system": self.system,
            "level": self.level,
            "inputs": self.inputs,
            "actions": list(self.actions),
            "parameters": self.parameters,
            "layers": [
                {
                    "name": layer.name,
                    "type": layer.type,
                    "output": list(layer.output),
                    "parameters": layer.parameters,
                }
                for layer in self.layers
            ],
            "memory_bytes": self.memory,
        }


@dataclass(frozen=True)
class Judgement:
    """What is to be said of a text. `spec` is there where it is well-formed by itself, `overview`
    where it fits the level as well; `level` is the one that was asked for, if one was."""

    faults: tuple[Fault, ...]
    spec: Brain | None = None
    overview: Overview | None = None
    level: str = ""


def judge(text: Any, system: str = "", level: str = "") -> Judgement:
    """Args: system, level: whose observations it shall fit; without a level, the first it fits.

    Raises: SpecError for a system or level that there is not.
    """
    chosen = known(system, level) if level else None
    try:
        spec = check_brain(text)
    except SpecError as error:
        return Judgement(faults_in(text, error.problems))
    try:
        if chosen:
            return Judgement((), spec, overview_of(spec, text, chosen, level), level)
        return Judgement((), spec, first_fitting(spec, text))
    except SpecError as error:
        return Judgement(faults_in(text, error.problems), spec, level=level)


def known(system: str, level: str) -> System:
    """The system of a level. Raises: SpecError where there is no such level."""
    found = find_system({"level": level} | ({"system": system} if system else {}))
    layout_of(found.name, level)
    return found


def faults_in(text: Any, problems: Iterable[Problem]) -> tuple[Fault, ...]:
    """In the order of the text; what has no line comes last."""
    lines = lines_of(text) if isinstance(text, str) else {}
    faults = [Fault(p.path, p.message, line_of(p, lines)) for p in problems]
    return tuple(sorted(faults, key=lambda fault: fault.line or len(lines) + 10**6))


def choices() -> list[tuple[System, list[LevelChoice]]]:
    """The levels whose observations have a layout, by system."""
    found = [
        (system, [one for one in system.levels() if layout_of(system.name, one.name)])
        for system in SYSTEMS.values()
    ]
    return [(system, levels) for system, levels in found if levels]


@lru_cache(maxsize=128)
def layout_of(system: str, level: str) -> ObservationLayout | None:
    """Raises: SpecError for a level that there is not."""
    found = SYSTEMS[system]
    return found.observation_layout(found.build_runspec({"system": system, "level": level}))


def first_fitting(spec: Brain, text: str) -> Overview:
    """For the first level that the brain fits. Raises: SpecError of the first, if it fits none."""
    refused: SpecError | None = None
    for system, levels in choices():
        for level in levels:
            try:
                return overview_of(spec, text, system, level.name)
            except SpecError as error:
                refused = refused or error
    raise refused or SpecError([Problem("level", "no system has levels with a layout")])


def overview_of(spec: Brain, text: str, system: System, level: str) -> Overview:
    """Raises: SpecError where spec and level do not fit, or would take too much memory."""
    from hamlet.brains import blueprint
    from hamlet.brains.measuring import layer_table, learning_bytes
    from hamlet.learning.town_memory import bytes_per_step

    try:  # as a run is judged, with the level's own training settings
        system.build_runspec({"system": system.name, "level": level, "brain": text})
    except SpecError as error:
        problems = [Problem(p.path.removeprefix("brain."), p.message) for p in error.problems]
        raise SpecError(problems) from None
    layout = layout_of(system.name, level)
    if layout is None:
        message = f"{system.title} has no layout of observations to build a network for"
        raise SpecError([Problem("system", message)])
    network = blueprint(spec, layout)
    memory = learning_bytes(spec, network)
    if replay := spec.data.get("replay"):
        memory["replay, when full"] = replay["capacity"] * bytes_per_step(layout, spec)
    return Overview(
        system=system.name,
        level=level,
        inputs=layout.size,
        actions=layout.actions,
        parameters=network.parameter_count,
        layers=tuple(layer_table(network)),
        memory=memory,
    )
