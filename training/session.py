"""One attempt at a run: from taking it up to its end, its rest, or the worker's.

The trainer's state is whole only between two units of work, so everything that saves, writes or
decides happens there.
"""

from __future__ import annotations

import enum
import logging
import math
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from django.db import DatabaseError, transaction

from hamlet.errors import CheckpointError
from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    Event,
    MetricsReported,
    Remarked,
    RunFinished,
    StageChanged,
    Trainer,
)
from hamlet.recording import ReplayKeeper
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS
from registry import shutdown
from registry.models import Artifact
from registry.services import ensure_model
from registry.versions.services import register_version
from training import checkpointing, inputs, leases, lifecycle, resetting
from training.checkpointing import Memory
from training.dispatch import QUEUES
from training.errors import LeaseLostError, RunFailedError, TrainingDivergedError
from training.games.of_runs import GamesOfRun
from training.lease_keeper import LeaseKeeper
from training.leases import Lease
from training.lineage import lineage
from training.models import Run, RunStatus, Wish
from training.reconnecting import persistently
from training.repeatable import calculate_repeatably
from training.replay_store import ReplayStore
from training.run_writer import EpisodeRow, RunWriter
from training.streaming import RunPublisher

logger = logging.getLogger(__name__)

# A run whose checkpoints lie far apart loses no more than this to a crash.
LONGEST_WITHOUT_CHECKPOINT_S = 300.0


class Stopped(enum.Enum):
    """How an attempt ended in good order."""

    FINISHED = "finished"
    RESTS = "rests as wished"
    HANDED_BACK = "handed back to the next worker"


class Session:
    """A claimed run and everything that works on it."""

    def __init__(self, run: Run, lease: Lease, keeper: LeaseKeeper) -> None:
        self.run, self.lease, self.keeper = run, lease, keeper
        self.device = "cuda" if run.queue == QUEUES["gpu"] else "cpu"
        self.writer = RunWriter(lease)
        self.games = GamesOfRun(run)
        self.latest_metrics: dict[str, float] = dict(run.latest_metrics)
        self.finished: dict[str, float] | None = None
        self.checkpoint_due = False
        self.saved_now = False  # both checkpoints hold all that was learned so far
        self.last_saved = time.monotonic()

    def work(self) -> Stopped:
        """Take the run up and train until something ends the attempt.

        Raises: LeaseLostError, RunFailedError, HamletError, or whatever the trainer raises.
        """
        calculate_repeatably(self.device)
        resumed = checkpointing.resume(self.run, self.make_trainer)
        self.trainer = resumed.trainer
        memory = resumed.memory or Memory(at=0, episodes=0, keeper=ReplayKeeper(), finished=None)
        self.began_at, self.episodes, self.finished = memory.at, memory.episodes, memory.finished
        self.keeper.done = memory.at
        resetting.reset(self.lease, memory, resumed.remarks)
        with (
            RunPublisher(self.run.pk, self.run.episodes_dropped) as self.publisher,
            ReplayStore(self.run.pk, memory.keeper) as self.replays,
        ):
            try:
                return self.train()
            except (LeaseLostError, DatabaseError):
                raise
            except Exception:
                self.write_last_rows()
                raise

    def make_trainer(self) -> Trainer:
        if self.device == "cuda" and not torch.cuda.is_available():
            raise RunFailedError(
                f"This run asks for a GPU, and the worker that listens to {self.run.queue} "
                "has none that PyTorch can use. Start that worker on a machine with one."
            )
        spec = RunSpec.from_data(self.run.spec)
        files = inputs.files_of(self.run)
        return SYSTEMS[spec.system].make_trainer(spec, self.device, files)

    # -- the loop --------------------------------------------------------------------------------

    def train(self) -> Stopped:
        while self.finished is None and not self.trainer.finished:
            self.saved_now = False
            for event in self.trainer.advance():
                self.handle(event)
            self.keeper.done = self.trainer.progress.done
            if self.finished is None:
                self.write_if_due()
                if (self.keeper.attention or shutdown.requested()) and (stopped := self.heed()):
                    return stopped
        self.finish()
        return Stopped.FINISHED

    def handle(self, event: Event) -> None:
        if isinstance(event, EpisodeFinished):
            self.on_episode(event)
        elif isinstance(event, MetricsReported):
            self.on_metrics(event)
        elif isinstance(event, StageChanged):
            self.writer.add_stage(event.at, event.old, event.new, event.statistics)
        elif isinstance(event, Remarked):
            self.writer.add_remark(event.at, event.text)
        elif isinstance(event, CheckpointDue):
            self.checkpoint_due = True
        elif isinstance(event, RunFinished):
            self.finished = dict(event.metrics)
        else:
            raise TypeError(f"{type(event).__name__} is no event that a trainer may yield")

    def on_episode(self, event: EpisodeFinished) -> None:
        self.episodes = event.number
        ended_at = event.recording.ended_at if event.recording else time.time()
        row = EpisodeRow(event.number, event.summary, ended_at)
        self.writer.add_episode(row)
        if event.recording is not None:
            self.publisher.episode(event.recording)
        self.replays.offer(event, row)
        if event.game is not None:
            self.games.add(event.number, event.game)

    def on_metrics(self, event: MetricsReported) -> None:
        check_finite(event.at, self.run.unit, event.values)
        self.latest_metrics.update(event.values)
        self.writer.add_metrics(event.at, event.values)

    def write_if_due(self) -> None:
        if self.checkpoint_due:
            self.save()
        elif time.monotonic() - self.last_saved > LONGEST_WITHOUT_CHECKPOINT_S:
            self.save(inference=False)
        elif self.writer.due:
            self.flush()

    def heed(self) -> Stopped | None:
        """Do what somebody asked for. Returns: None if the run goes on after all."""
        if self.keeper.lost:
            raise LeaseLostError(f"run {self.run.pk} is held by another worker now")
        if shutdown.requested() or self.keeper.orphaned:
            return self.hand_back()
        wish = self.keeper.wish
        if wish != Wish.RUN:
            if not self.saved_now:
                self.save()
            self.keeper.expect_the_end()
            if persistently(partial(leases.rest_as_wished, self.lease, wish)):
                return Stopped.RESTS
        self.keeper.back_to_work()
        return None

    def hand_back(self) -> Stopped:
        if not self.saved_now:
            try:
                self.save(inference=False)
            except RunFailedError as error:
                # The next worker repeats what could not be saved.
                self.run_remark(str(error))
        self.keeper.expect_the_end()
        status = persistently(partial(leases.hand_back, self.lease, "its worker was asked to stop"))
        return Stopped.HANDED_BACK if status == RunStatus.QUEUED else Stopped.RESTS

    # -- writing ---------------------------------------------------------------------------------

    def flush(self) -> None:
        for row in self.replays.take_stored():
            self.writer.add_replay(row)
        self.writer.flush(self.note_progress)
        self.publisher.written()

    def write_last_rows(self) -> None:
        """The charts of a run that fails should show how it came to that."""
        try:
            self.flush()
        except (LeaseLostError, DatabaseError) as error:
            logger.warning("run %s: its last rows were not written: %s", self.run.pk, error)

    def save(self, *, inference: bool = True) -> checkpointing.Saved:
        """Write a checkpoint and every row up to it, in one transaction."""
        memory = Memory(
            at=self.trainer.progress.done,
            episodes=self.episodes,
            keeper=self.replays.keeper,
            finished=self.finished,
        )
        try:
            saved = checkpointing.save(self.trainer, memory, inference=inference)
        except CheckpointError as error:
            raise RunFailedError(f"The run cannot be saved: {error}") from error
        for row in self.replays.take_stored(all_of_them=True):
            self.writer.add_replay(row)
        write_games = persistently(self.games.prepare)

        def also(run: Run) -> None:
            saved.record(run)
            write_games()
            self.note_progress(run)
            if memory.at > self.began_at:
                # It gets further each time, so its failures so far do not add up.
                Run.objects.filter(pk=run.pk).update(attempts=1)
            checkpointing.tidy(run)

        self.writer.flush(also)
        self.publisher.written()
        self.checkpoint_due, self.saved_now = False, inference
        self.last_saved = time.monotonic()
        return saved

    def note_progress(self, run: Run) -> None:
        Run.objects.filter(pk=run.pk).update(
            done=self.trainer.progress.done,
            latest_metrics=self.latest_metrics,
            episodes_dropped=self.publisher.dropped,
        )

    def run_remark(self, text: str) -> None:
        at = self.keeper.done
        self.writer.flush(lambda run: lifecycle.note(run.pk, text, at_unit=at))

    # -- the end ---------------------------------------------------------------------------------

    def finish(self) -> None:
        """Save the last checkpoint, register it and end the run; safe to do twice."""
        self.finished = self.finished or {}
        saved = self.save()
        facts = lineage(self.run, self.trainer.inference_model(), saved.metadata, self.device)
        self.keeper.expect_the_end()
        persistently(partial(self.register, saved.inference, facts))

    @transaction.atomic
    def register(self, artifact: Artifact, facts: Mapping[str, Any]) -> None:
        run = leases.hold(self.lease)
        # Somebody may have deleted the model meanwhile; the run's own id is a name nobody has.
        model = run.model or ensure_model(
            f"{run.system}-{str(run.pk)[:8]}", run.system, run.owner, run.classroom
        )
        version = register_version(
            model=model, artifact=artifact, run_id=run.pk, lineage=facts, metrics=self.finished
        )
        lifecycle.move(
            run.pk,
            RunStatus.RUNNING,
            RunStatus.SUCCEEDED,
            token=self.lease.token,
            text=f"registered {version}",
            version=version,
            model=model,
        )


def check_finite(at: int, unit: str, values: Mapping[str, float]) -> None:
    """Raises: TrainingDivergedError naming the metric that is not a number any more."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"{name} became {value} at {unit} {at}: the training diverged. Lower the learning "
                "rate or the gradient clip of the brain and start a new run."
            )
