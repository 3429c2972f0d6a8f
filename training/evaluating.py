"""Measure trained agents of the town against scripts, on episodes that training never saw.

Every subject plays the same episodes, so differences are taken pairwise and luck cancels out.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hamlet.checkpoint import TRAINING, read_checkpoint
from hamlet.envs.town import TownLevel, level_from_data, list_levels, load_pack
from hamlet.envs.town.policies import POLICIES, make_policy
from hamlet.errors import Problem, SpecError
from hamlet.evaluation.evaluate import EpisodeResults, evaluate
from hamlet.evaluation.gates import FEEDFORWARD, GATES, Verdict, judge, median_run
from hamlet.evaluation.statistics import paired_difference
from hamlet.learning.curriculum_stages import Stage
from hamlet.model import HamletModel
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint, ModelVersion
from training.lineage import code_version
from training.models import Run

LONG = 4  # times the level's own time limit
SYSTEM = "town"


@dataclass(frozen=True)
class Subject:
    """A trained agent: what it is called, its model, and the level it was trained on."""

    name: str
    model: HamletModel
    level: TownLevel


@dataclass(frozen=True)
class Setting:
    """The circumstances of one table."""

    label: str
    episodes: int
    seed: int
    limit_factor: int = 1
    stage: Stage | None = None


@dataclass
class Report:
    """What came of one setting. `results` holds every subject and script, in their order."""

    level: TownLevel
    setting: Setting
    trained: list[str]
    results: dict[str, EpisodeResults] = field(default_factory=dict)

    @property
    def judged(self) -> str:
        """The trained agent with the median survival; of an even number the lower of the two."""
        return self.trained[median_run([self.results[name] for name in self.trained])]

    def differences(self) -> dict[str, Any]:
        """Survival of the judged agent less that of every other, episode by episode."""
        ours = self.results[self.judged].survival
        return {
            name: paired_difference(ours, other.survival, seed=self.setting.seed)
            for name, other in self.results.items()
            if name != self.judged
        }

    def verdicts(self) -> list[Verdict]:
        """Raises: SpecError for a level that has no gates."""
        if self.level.name not in GATES:
            message = f"found {self.level.name}; gates stand for {', '.join(GATES)}"
            raise SpecError([Problem("level", message)])
        others = {name: r for name, r in self.results.items() if name not in self.trained}
        return judge(self.level.name, self.results[self.judged], others, seed=self.setting.seed)

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


def version_subject(version: ModelVersion, level: TownLevel | None = None) -> Subject:
    """Raises: SpecError if it was not trained in the town; ArtifactDamagedError."""
    level = level or level_of(version.lineage.get("run_spec"), version.model.system)
    return Subject(str(version), load(open_artifact(version.artifact)), level)


def run_subject(
    run: Run, level: TownLevel | None = None, checkpoint: Checkpoint | None = None
) -> Subject:
    """A run's version, or its newest inference checkpoint, or the given one.

    Raises: SpecError if there is none yet; ArtifactDamagedError.
    """
    name = f"run {str(run.pk)[:8]}"
    level = level or level_of(run.spec, run.system)
    if checkpoint is None and run.version is not None:
        return Subject(f"{name} ({run.version})", load(open_artifact(run.version.artifact)), level)
    if checkpoint is None:
        checkpoint = inference_checkpoints(run).last()
    if checkpoint is None:
        message = f"{run.pk} has saved no checkpoint yet; wait for its first"
        raise SpecError([Problem("run", message)])
    model = load(open_artifact(checkpoint.artifact))
    return Subject(f"{name} at {checkpoint.at}", model, level)


def inference_checkpoints(run: Run) -> Any:
    """Oldest first."""
    found = Checkpoint.objects.filter(run_id=run.pk, kind=Checkpoint.Kind.INFERENCE)
    return found.select_related("artifact").order_by("at")


def file_subject(path: Path, level: TownLevel | None = None) -> Subject:
    """A checkpoint file of either kind.

    Raises: CheckpointError, OSError, SpecError if the file does not tell its level.
    """
    checkpoint = read_checkpoint(path)
    metadata = checkpoint.header["metadata"]
    if level is None and checkpoint.format_version == TRAINING:
        level = level_of(checkpoint.header["run_spec"], SYSTEM)
    level = level or shipped_level(metadata.get("level"), metadata)
    return Subject(path.name, HamletModel.load_from_checkpoint(path), level)


def load(content: bytes) -> HamletModel:
    return HamletModel.load_from_checkpoint(content)


def level_of(run_spec: Mapping[str, Any] | None, system: str) -> TownLevel:
    """Raises: SpecError for another system, or where nobody knows the run."""
    if system != SYSTEM:
        message = f"found {system}; episodes are played in {SYSTEM} only"
        raise SpecError([Problem("system", message)])
    if not run_spec:
        raise SpecError([Problem("level", "not known, since no run made this; give --level")])
    return level_from_data(run_spec["content"]["level"], "level")


def shipped_level(name: Any, metadata: Mapping[str, Any] | None = None) -> TownLevel:
    """The level of that name; with the checkpoint's metadata, only if it still is the same.

    Raises: SpecError.
    """
    if name not in list_levels():
        message = f"found {name!r}; expected one of {', '.join(list_levels())}: give --level"
        raise SpecError([Problem("level", message)])
    level = load_pack(name).level
    if metadata and metadata.get("level_hash") not in (None, level.hash):
        message = (
            f"{name} has changed since this was trained; give --level {name} to play it anyway"
        )
        raise SpecError([Problem("level", message)])
    return level


# -- playing -------------------------------------------------------------------------------------


def measure(
    subjects: Sequence[Subject],
    setting: Setting,
    *,
    scripts: Iterable[str] = POLICIES,
    feedforward: Subject | None = None,
    ablation: bool = False,
    on_episodes: Callable[[str, int], None] = lambda name, count: None,
) -> Report:
    """Let every subject and script play the episodes of a setting on the first one's level.

    Args:
        feedforward: an agent without memory, for the gate that asks for it.
        ablation: also play with the observation group zeroed that the level's gates name.
        on_episodes: called with the name and the number of its episodes finished so far.

    Raises: SpecError if a subject was trained on other observations.
    """
    level = subjects[0].level
    report = Report(level, setting, [subject.name for subject in subjects])
    players: dict[str, Any] = {subject.name: subject.model for subject in subjects}
    if feedforward is not None:
        players[FEEDFORWARD] = feedforward.model
    players |= {name: make_policy(name, setting.seed) for name in scripts}

    def play(name: str, player: Any, zeroed: Sequence[str] = ()) -> EpisodeResults:
        return evaluate(
            player,
            level,
            episodes=setting.episodes,
            seed=setting.seed,
            limit_factor=setting.limit_factor,
            stage=setting.stage,
            zeroed_groups=zeroed,
            on_progress=lambda count: on_episodes(name, count),
        )

    for name, player in players.items():
        report.results[name] = play(name, player)
    gates = GATES.get(level.name)
    if ablation and gates is not None and gates.ablated_group is not None:
        name = f"{report.judged}, {gates.ablated_group} zeroed"
        report.results[name] = play(name, players[report.judged], [gates.ablated_group])
    return report


# -- showing -------------------------------------------------------------------------------------


def table(report: Report) -> list[str]:
    """Lines to print: means with 95 % intervals, then differences."""
    first = report.results[report.judged]
    lines = [
        f"{report.level.name}, {report.setting.label}: {len(first)} episodes of at most "
        f"{first.max_steps} steps, seed {report.setting.seed}; mean [95 % interval]",
        "",
    ]
    rows = [("", "survival in steps", "extrinsic per step", "reached the limit")]
    for name, result in report.results.items():
        summary = result.summary()
        rows.append(
            (
                name,
                *(
                    spell(summary[measured])
                    for measured in ("survival", "extrinsic_per_step", "reached_limit")
                ),
            )
        )
    lines += columns(rows)
    lines += ["", f"survival of {report.judged} less that of", ""]
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
