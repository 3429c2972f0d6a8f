"""The table of systems: what the platform can train, and where each part of it lives.

Everything above the library works from this table and never asks which system it carries.
Parts are named by import path, so that listing the systems costs no imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.layout import ObservationLayout
from hamlet.learning.trainer import Files, Trainer
from hamlet.runspec import RunSpec
from hamlet.schema import describe, hint


@dataclass(frozen=True)
class Score:
    """The number of an episode by which people see whether runs of a system learn.

    Attributes:
        field: of every episode's summary: `survival_steps` or `score`.
        title: heading of its charts, and its name in commands.
        unit: plural; empty for a plain number.
        meaning: one sentence for who sees its chart for the first time.
        limit: path in the RunSpec's content to the highest it can be; empty where there is none.
        metric: its newest mean among the reported metrics; empty where none is reported.
    """

    field: str
    title: str
    unit: str
    meaning: str
    limit: str = ""
    metric: str = ""

    def highest(self, content: Mapping[str, Any]) -> float | None:
        """The highest it can be in a run of this content; None where that is not known."""
        value: Any = content
        for name in self.limit.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class System:
    """One row of the table.

    Attributes:
        name: as in `POST /api/v1/train {"system": ...}`.
        title, summary: for people.
        unit: of progress and budget, singular. episode: what one of its episodes is called.
        entry: module with `request_schema() -> Section` (fields a person may set),
            `build_runspec(request: Mapping) -> RunSpec`, `make_trainer(spec, device) -> Trainer`
            (or, with `files_of(spec) -> {role: sha256}` where its runs begin from stored files,
            `make_trainer(spec, device, files)`), `levels() -> list[LevelChoice]`,
            `read_folder(folder: Path) -> request` where it has levels in files,
            `observation_layout(spec) -> ObservationLayout` where what its agents observe has
            one, and `adapt_request(signature, body) -> inputs` (the system's own form of a
            prediction request). Where the answer has a form of its own too,
            `shape_reply(body, outputs) -> fields`; where a request may wish that the model is
            asked many times, `deliberation(body) -> None or a function of what runs the model`;
            where versions can be asked together, `ballot(body) -> a function of their outputs
            and weights`.
        request_fields: fields that only this system's training requests carry; a request that
            names no system is this system's when it carries one of them and of no other.
        viewer: name of the template and script that draw its episodes, `live/viewers/<viewer>`.
        score: what the charts of its episodes show; None for a system without such a number.
        truncations: reasons for the end of an episode that cut it short from outside.
        evaluation: module that plays held-out episodes, as hamlet.evaluation.town does; empty
            for a system that has none.
        votes_on: field of a question that several versions vote on; empty where they do not.
    """

    name: str
    title: str
    summary: str
    unit: str
    episode: str
    entry: str
    request_fields: tuple[str, ...]
    viewer: str
    score: Score | None = None
    truncations: tuple[str, ...] = ()
    evaluation: str = ""
    votes_on: str = ""

    def _part(self, name: str) -> Callable[..., Any]:
        return getattr(import_module(self.entry), name)

    def _part_if_any(self, name: str) -> Callable[..., Any] | None:
        return getattr(import_module(self.entry), name, None)

    def build_runspec(self, request: Mapping[str, Any]) -> RunSpec:
        """Validate a person's request and write every default out. Raises: SpecError."""
        return self._part("build_runspec")(request)

    def read_folder(self, folder: Path) -> dict[str, Any]:
        """The request for a level of one's own, from its files on this machine.

        For commands alone: a request that came over the network must never name a folder.
        Raises: SpecError naming every fault of the files, or that the system reads none.
        """
        read = self._part_if_any("read_folder")
        if read is None:
            message = f"found the folder {folder}; {self.name} takes no levels from folders"
            raise SpecError([Problem("level", message)])
        return read(folder)

    @property
    def begins_from_files(self) -> bool:
        """Whether its runs may begin from datasets and from the weights of others."""
        return self._part_if_any("files_of") is not None

    def files_of(self, spec: RunSpec) -> dict[str, str]:
        """The stored files that a run begins from, as sha256 by role: a dataset, base weights."""
        read = self._part_if_any("files_of")
        return {} if read is None else read(spec)

    def make_trainer(
        self, spec: RunSpec, device: str = "cpu", files: Files | None = None
    ) -> Trainer:
        """Args: files: gives the files that `files_of` names; None where there are none.

        Raises: SpecError if the content is not this system's, or needs files that are not given.
        """
        make = self._part("make_trainer")
        return make(spec, device) if files is None else make(spec, device, files)

    def levels(self) -> list[LevelChoice]:
        return self._part("levels")()

    def observation_layout(self, spec: RunSpec) -> ObservationLayout | None:
        """What the agents of a run observe and may do; None for a system that has no layout.

        Raises: SpecError if the content is none of this system.
        """
        read = self._part_if_any("observation_layout")
        return None if read is None else read(spec)

    def adapt_request(self, signature: Any, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Turn the system's own request form into inputs by signature name. Raises: SpecError."""
        return self._part("adapt_request")(signature, body)

    def shape_reply(self, body: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """What stands in the answer to the system's own form, beside the outputs."""
        shape = self._part_if_any("shape_reply")
        return {} if shape is None else shape(body, outputs)

    def deliberation(
        self, body: Mapping[str, Any]
    ) -> Callable[[Callable[..., Any]], dict[str, Any]] | None:
        """What answers a request by asking the model many times; None if it wishes no such thing.

        Raises: SpecError.
        """
        read = self._part_if_any("deliberation")
        return None if read is None else read(body)

    def ballot(
        self, body: Mapping[str, Any]
    ) -> Callable[[Sequence[Mapping[str, Any]], Sequence[float]], dict[str, Any]]:
        """What makes one answer of the outputs of several models and the weight of each.

        Raises: SpecError if the request asks what nobody votes on.
        """
        return self._part("ballot")(body)


@dataclass(frozen=True)
class LevelChoice:
    """A level as a person picks it."""

    name: str
    title: str
    description: str
    budget: int


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System(
            name="town",
            title="Town",
            summary="Keep an agent alive in a grid world of beds, meals, jobs and bars.",
            unit="episode",
            episode="episode",
            entry="hamlet.learning.town",
            request_fields=("level",),
            viewer="town",
            score=Score(
                field="survival_steps",
                title="Survival",
                unit="steps",
                meaning="Longer lives mean that it learns.",
                limit="level.max_steps",
                metric="mean_survival_steps",
            ),
            truncations=("time limit",),
            evaluation="hamlet.evaluation.town",
        ),
        System(
            name="connect_four",
            title="Connect Four",
            summary="Six learners play the same game, measured against perfect play.",
            unit="epoch",
            episode="game",
            entry="hamlet.learning.connect_four.system",
            request_fields=("config", "dataset", "examples"),
            viewer="connect_four",
            votes_on="board",
        ),
    )
}


def find_system(request: Mapping[str, Any]) -> System:
    """The system a training request is for: named, or the only one its fields fit.

    Raises: SpecError saying which systems there are.
    """
    known = ", ".join(SYSTEMS)
    if "system" in request:
        name = request["system"]
        if not isinstance(name, str) or name not in SYSTEMS:
            message = f"found {describe(name)}; expected one of {known}{hint(name, SYSTEMS)}"
            raise SpecError([Problem("system", message)])
        return SYSTEMS[name]
    fitting = [
        system
        for system in SYSTEMS.values()
        if any(field in request for field in system.request_fields)
    ]
    if len(fitting) != 1:
        raise SpecError([Problem("system", f"missing; say which of {known}")])
    return fitting[0]


def cuts_short(reason: object) -> bool:
    """Whether an episode that ended for this reason was truncated. The words are everybody's."""
    return any(reason in system.truncations for system in SYSTEMS.values())
