"""Measure trained agents against scripts, on episodes that training never saw.

Every subject plays the same episodes, so differences are taken pairwise and luck cancels out.
What is played and measured, the system's own module knows (hamlet.systems, `evaluation`).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from hamlet.checkpoint import TRAINING, read_checkpoint
from hamlet.errors import Problem, SpecError
from hamlet.evaluation.statistics import paired_difference
from hamlet.model import HamletModel
from hamlet.systems import SYSTEMS
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint, ModelVersion
from training.lineage import code_version
from training.models import Run

FEEDFORWARD = "feedforward"  # how gates call the agent without memory


@dataclass(frozen=True)
class Subject:
    """A trained agent: what it is called, its system and model, the level it was trained on."""

    name: str
    system: str
    model: HamletModel
    level: Any


@dataclass(frozen=True)
class Setting:
    """The circumstances of one table; `more`: as the system's own module gives them."""

    label: str
    episodes: int
    seed: int
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Report:
    """What came of one setting. `results` holds every subject and script, in their order."""

    evaluation: ModuleType
    level: Any
    setting: Setting
    trained: list[str]
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def judged(self) -> str:
        """The trained agent with the median result; of an even number the lower of the two."""
        return self.trained[self.evaluation.median_run([self.results[n] for n in self.trained])]

    def differences(self) -> dict[str, Any]:
        """What is compared, of the judged agent less that of every other, by episode."""
        compared = self.evaluation.compared
        ours = compared(self.results[self.judged])
        return {
            name: paired_difference(ours, compared(other), seed=self.setting.seed)
            for name, other in self.results.items()
            if name != self.judged
        }

    def verdicts(self) -> list[Any]:
        """Raises: SpecError for a level that has no gates."""
        others = {name: r for name, r in self.results.items() if name not in self.trained}
        judged = self.results[self.judged]
        return self.evaluation.judge(self.level, judged, others, seed=self.setting.seed)

    def to_data(self) -> dict[str, Any]:
        return {
            "level": self.level.name,
            "level_hash": self.level.hash,
            "setting": self.setting.label,
            "episodes": self.setting.episodes,
            "seed": self.setting.seed,
            "max_steps": self.results[self.judged].max_steps,
            "trained": self.trained,
            "judged": self.judged,
            "results": {name: r.summary() for name, r in self.results.items()},
            "differences": {name: d.to_data() for name, d in self.differences().items()},
            "code": code_version(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        }


# -- subjects: each takes its own level from where it comes, unless one is given ------------------


def version_subject(version: ModelVersion, level: str | None = None) -> Subject:
    """Raises: SpecError if its system has no evaluation; ArtifactDamagedError."""
    system = version.model.system
    found = level_of(system, version.lineage.get("run_spec"), level)
    return Subject(str(version), system, load(open_artifact(version.artifact)), found)


def run_subject(
    run: Run, level: str | None = None, checkpoint: Checkpoint | None = None
) -> Subject:
    """A run's version, or its newest inference checkpoint, or the given one.

    Raises: SpecError if there is none yet; ArtifactDamagedError.
    """
    name = f"run {str(run.pk)[:8]}"
    found = level_of(run.system, run.spec, level)
    if checkpoint is None and run.version is not None:
        name = f"{name} ({run.version})"
        return Subject(name, run.system, load(open_artifact(run.version.artifact)), found)
    if checkpoint is None:
        checkpoint = inference_checkpoints(run).last()
    if checkpoint is None:
        message = f"{run.pk} has saved no checkpoint yet; wait for its first"
        raise SpecError([Problem("run", message)])
    model = load(open_artifact(checkpoint.artifact))
    return Subject(f"{name} at {checkpoint.at}", run.system, model, found)


def inference_checkpoints(run: Run) -> Any:
    """Oldest first."""
    found = Checkpoint.objects.filter(run_id=run.pk, kind=Checkpoint.Kind.INFERENCE)
    return found.select_related("artifact").order_by("at")


def file_subject(path: Path, level: str | None = None) -> Subject:
    """A checkpoint file of either kind.

    Raises: CheckpointError, OSError, SpecError if the file does not tell its level.
    """
    checkpoint = read_checkpoint(path)
    metadata = checkpoint.header["metadata"]
    model = HamletModel.load_from_checkpoint(path)
    if checkpoint.format_version == TRAINING:
        run_spec = checkpoint.header["run_spec"]
        found = level_of(run_spec["system"], run_spec, level)
        return Subject(path.name, run_spec["system"], model, found)
    system = model.signature().adapter or ""
    evaluation = evaluation_of(system)
    found = evaluation.find_level(level or metadata.get("level"), None if level else metadata)
    return Subject(path.name, system, model, found)


def load(content: bytes) -> HamletModel:
    return HamletModel.load_from_checkpoint(content)


def evaluation_of(system: str) -> ModuleType:
    """Raises: SpecError for a system that plays no held-out episodes."""
    row = SYSTEMS.get(system)
    if row is None or not row.evaluation:
        able = ", ".join(name for name, other in SYSTEMS.items() if other.evaluation)
        message = f"found {system or 'none'}; episodes are played in {able} only"
        raise SpecError([Problem("system", message)])
    return import_module(row.evaluation)


def level_of(system: str, run_spec: Mapping[str, Any] | None, wanted: str | None) -> Any:
    """The level that is wanted, or the one that the run was trained on.

    Raises: SpecError for a system without evaluation, or where nobody knows the run.
    """
    evaluation = evaluation_of(system)
    if wanted is not None:
        return evaluation.find_level(wanted)
    if not run_spec:
        raise SpecError([Problem("level", "not known, since no run made this; give --level")])
    return evaluation.read_level(run_spec["content"])


# -- playing -------------------------------------------------------------------------------------


def measure(
    subjects: Sequence[Subject],
    setting: Setting,
    *,
    scripts: bool = True,
    feedforward: Subject | None = None,
    ablation: bool = False,
    on_episodes: Callable[[str, int], None] = lambda name, count: None,
) -> Report:
    """Let every subject and script play the episodes of a setting on the first one's level.

    Args:
        scripts: also play the system's own scripts.
        feedforward: an agent without memory, for the gate that asks for it.
        ablation: also play with the observation group zeroed that the level's gates name.
        on_episodes: called with the name and the number of its episodes finished so far.

    Raises: SpecError if a subject belongs to another system or was trained on other observations.
    """
    check_one_system(subjects)
    level, evaluation = subjects[0].level, evaluation_of(subjects[0].system)
    report = Report(evaluation, level, setting, [subject.name for subject in subjects])
    players: dict[str, Any] = {subject.name: subject.model for subject in subjects}
    if feedforward is not None:
        players[FEEDFORWARD] = feedforward.model
    if scripts:
        players |= {n: evaluation.make_script(n, setting.seed) for n in evaluation.SCRIPTS}

    def play(name: str, player: Any, zeroed: Sequence[str] = ()) -> Any:
        return evaluation.evaluate(
            player,
            level,
            episodes=setting.episodes,
            seed=setting.seed,
            zeroed_groups=zeroed,
            on_progress=lambda count: on_episodes(name, count),
            **setting.more,
        )

    for name, player in players.items():
        report.results[name] = play(name, player)
    if ablation and (group := evaluation.ablated_group(level)) is not None:
        name = f"{report.judged}, {group} zeroed"
        report.results[name] = play(name, players[report.judged], [group])
    return report


def check_one_system(subjects: Sequence[Subject]) -> None:
    systems = sorted({subject.system for subject in subjects})
    if len(systems) > 1:
        message = f"found {', '.join(systems)}; subjects of one system can be compared"
        raise SpecError([Problem("system", message)])


# -- showing -------------------------------------------------------------------------------------


def table(report: Report) -> list[str]:
    """Lines to print: means with 95 % intervals, then differences."""
    first, headings = report.results[report.judged], report.evaluation.COLUMNS
    lines = [
        f"{report.level.name}, {report.setting.label}: {len(first)} episodes of at most "
        f"{first.max_steps} steps, seed {report.setting.seed}; mean [95 % interval]",
        "",
    ]
    rows = [("", *headings.values())]
    for name, result in report.results.items():
        summary = result.summary()
        rows.append((name, *(spell(summary[measured]) for measured in headings)))
    lines += columns(rows)
    lines += ["", f"{report.evaluation.COMPARED} of {report.judged} less that of", ""]
    lines += columns([(name, str(d)) for name, d in report.differences().items()])
    return lines


def spell(summary: Mapping[str, float]) -> str:
    return f"{summary['mean']:.4g} [{summary['low']:.4g}, {summary['high']:.4g}]"


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
