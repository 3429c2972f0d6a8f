"""Train one agent with the shipped settings, in a process that may be stopped at any time.

Beside the finished agent's file lies `<name>.json` with how long it took and how survival grew. A
training that was stopped goes on from its last training checkpoint, with the same result.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.subjects import town_spec
from hamlet.checkpoint import load_training, save_inference, save_training, training_header
from hamlet.envs.town.packs import load_pack
from hamlet.learning.trainer import EpisodeFinished
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS

SAVE_EVERY_S = 120.0
CURVE_POINTS = 50
SHIPPED, FEEDFORWARD = "shipped", "feedforward"
# What a variant changes of the level's own brain.yaml and training.yaml: one thing, or all of the
# network.
VARIANTS: dict[str, dict[str, Any]] = {
    SHIPPED: {},
    FEEDFORWARD: {"brain": {"version": "1", "architecture": {"type": "feedforward"}}},
    "no-advantage-learning": {"brain": {"q_learning": {"advantage_learning": 0.0}}},
    "no-symmetries": {"brain": {"replay": {"symmetries": False}}},
    "relu": {"brain": {"architecture": {"dueling": {"activation": "relu"}}}},
    "small-replay": {"brain": {"replay": {"capacity": 10_000}}},
    "fast-epsilon": {"training": {"epsilon": {"decay": 0.995}}},
    "curriculum": {"training": {"curriculum": {"enabled": True}}},
}


@dataclass(frozen=True)
class Task:
    """One training: everything that its result depends on.

    Attributes:
        episodes: None takes the level's own budget.
    """

    level: str
    variant: str
    seed: int
    episodes: int | None = None

    @property
    def name(self) -> str:
        return f"{self.level}-{self.variant}-{self.seed}"

    @property
    def spec(self) -> RunSpec:
        """Raises: SpecError if the variant changes what the level does not have."""
        changes = VARIANTS[self.variant]
        return town_spec(self.level, seed=self.seed, episodes=self.budget, **changes)

    @property
    def budget(self) -> int:
        return self.episodes or load_pack(self.level).level.episode_budget


@dataclass
class Story:
    """How a training went.

    Attributes:
        spec_hash: of the RunSpec; another one is another training.
        wall_s, cpu_s: spent training, over all processes that worked on it.
        survival: mean survival steps of each of CURVE_POINTS stretches of the budget.
    """

    spec_hash: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    env_steps: int = 0
    episodes: int = 0
    finished: bool = False
    survival: list[float] = field(default_factory=list)
    stretch: list[int] = field(default_factory=list)  # survival steps of the present stretch


def model_file(folder: Path, task: Task) -> Path:
    return folder / f"{task.name}.safetensors"


def train(task: Task, folder: Path, threads: int) -> Story:
    """Train to the end, or load what was trained before with the same RunSpec."""
    torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = SYSTEMS["town"].make_trainer(task.spec)
    story = take_up(trainer, task, folder)
    if story.finished:
        return story
    every = max(1, task.budget // CURVE_POINTS)
    began, cpu, saved = time.monotonic(), time.process_time(), time.monotonic()
    while not trainer.finished:
        for event in trainer.advance():
            if isinstance(event, EpisodeFinished):
                note(story, event, every)
        if time.monotonic() - saved > SAVE_EVERY_S:
            began, cpu = clock_in(story, trainer, began, cpu)
            save(trainer, story, task, folder)
            saved = time.monotonic()
    clock_in(story, trainer, began, cpu)
    story.finished = True
    save_inference(model_file(folder, task), trainer.inference_model(), trainer.metadata())
    write(story, folder / f"{task.name}.json")
    training_file(folder, task).unlink(missing_ok=True)
    return story


def take_up(trainer: Any, task: Task, folder: Path) -> Story:
    """Load what an earlier process left, if it belongs to this RunSpec."""
    told, begun = folder / f"{task.name}.json", training_file(folder, task)
    if told.exists() and model_file(folder, task).exists():
        story = Story(**json.loads(told.read_text()))
        if story.spec_hash == trainer.spec.hash:
            return story
    if begun.exists():
        state, header = load_training(begun)
        if header["run_spec_hash"] == trainer.spec.hash:
            trainer.load_state_dict(state["trainer"])
            return Story(**state["story"])
    return Story(trainer.spec.hash)


def training_file(folder: Path, task: Task) -> Path:
    return folder / f"{task.name}.training.safetensors"


def note(story: Story, event: EpisodeFinished, every: int) -> None:
    story.episodes = event.number
    story.stretch.append(event.summary["survival_steps"])
    if len(story.stretch) == every:
        story.survival.append(sum(story.stretch) / every)
        story.stretch.clear()


def clock_in(story: Story, trainer: Any, began: float, cpu: float) -> tuple[float, float]:
    """Add the time since the last call. Returns: the two clocks now."""
    now, cpu_now = time.monotonic(), time.process_time()
    story.wall_s += now - began
    story.cpu_s += cpu_now - cpu
    story.env_steps = trainer.env_steps
    return now, cpu_now


def save(trainer: Any, story: Story, task: Task, folder: Path) -> None:
    """Trainer and story in one file, so that they never tell of different moments."""
    state = {"trainer": trainer.state_dict(), "story": asdict(story)}
    header = training_header(trainer.spec, trainer.inference_model(), state, trainer.metadata())
    save_training(training_file(folder, task), state, header)


def write(story: Story, file: Path) -> None:
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(story), indent=1) + "\n")
    os.replace(temporary, file)
