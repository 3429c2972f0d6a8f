"""Saving a run so that it can go on, and taking it up again.

A training checkpoint holds the trainer's whole state, under `trainer`, and under `execution` what
the worker itself has to remember. Files are stored before any row names them, so a crash or a
full disk leaves the checkpoint before as it was.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hamlet.checkpoint import load_training, save_inference, save_training, training_header
from hamlet.errors import CheckpointError
from hamlet.learning.saved_state import below, load_number, load_whole
from hamlet.learning.trainer import Progress, Trainer
from hamlet.recording import ReplayKeeper
from registry.artifacts.disk import root
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import open_artifact, store_file
from registry.checkpoints import (
    MEDIA_TYPE,
    drop_checkpoints,
    record_checkpoint,
)
from registry.models import Artifact, Checkpoint
from training.errors import RunFailedError, StorageFullError
from training.models import Run
from training.reconnecting import persistently

logger = logging.getLogger(__name__)

TRAINER, EXECUTION = "trainer", "execution"
MOST_EPISODES = 10**12
LARGEST_NUMBER = 1e300
KEEP_TRAINING = 2
MOST_INFERENCE = 100
WRITE_ATTEMPTS = 3
PAUSE_S = 1.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Memory:
    """What the worker remembers beside the trainer.

    Attributes:
        at: finished units of progress. episodes: number of the last finished episode.
        keeper: which recordings may yet be kept.
        finished: the metrics of RunFinished once the budget is used up, else None.
    """

    at: int
    episodes: int
    keeper: ReplayKeeper
    finished: dict[str, float] | None

    def to_data(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "episodes": self.episodes,
            "keeper": self.keeper.state_dict(),
            "finished": self.finished,
        }


@dataclass(frozen=True)
class Saved:
    """Stored files that no row names yet. `metadata` is what the trainer says of its making."""

    memory: Memory
    training: Artifact
    inference: Artifact | None
    metadata: dict[str, Any]

    def record(self, run: Run) -> None:
        """Write the rows, inside the caller's transaction."""
        at = self.memory.at
        record_checkpoint(run.pk, Checkpoint.Kind.TRAINING, at, self.training, self.metadata)
        if self.inference is not None:
            record_checkpoint(run.pk, Checkpoint.Kind.INFERENCE, at, self.inference, self.metadata)


def save(trainer: Trainer, memory: Memory, *, inference: bool = True) -> Saved:
    """Store the files of a trainer that stands between two units of work.

    Raises: StorageFullError when the disk refuses, after some attempts; CheckpointError if the
        weights are no longer finite.
    """
    metadata = trainer.metadata()
    return Saved(
        memory=memory,
        training=stored(lambda path: write_training(path, trainer, memory, metadata)),
        inference=(
            stored(lambda path: save_inference(path, trainer.inference_model(), metadata))
            if inference
            else None
        ),
        metadata=metadata,
    )


def write_training(
    path: Path, trainer: Trainer, memory: Memory, metadata: Mapping[str, Any]
) -> None:
    state = {TRAINER: trainer.state_dict(), EXECUTION: memory.to_data()}
    save_training(
        path, state, training_header(trainer.spec, trainer.inference_model(), state, metadata)
    )


def stored(write: Callable[[Path], Any]) -> Artifact:
    """Let `write` make a file and put it into the artifact store, again if the disk hiccups."""
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        try:
            with temporary_file() as path:
                write(path)
                return persistently(partial(store_file, path, MEDIA_TYPE, move=True))
        except OSError as error:
            logger.warning("a checkpoint could not be written: %s", error)
            if attempt == WRITE_ATTEMPTS:
                raise storage_trouble(error) from error
            time.sleep(PAUSE_S)
    raise AssertionError("unreachable")


@contextlib.contextmanager
def temporary_file() -> Iterator[Path]:
    """A name in the store's own folder for files on their way, which it clears after crashes."""
    folder = root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.safetensors"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def storage_trouble(error: OSError) -> StorageFullError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = f"There is no room left for checkpoints in {root()}. Free some"
    else:
        what = f"Checkpoints cannot be written to {root()} ({error.strerror or error}). Mend that"
    return StorageFullError(f"{what}, then resume the run: its last checkpoint still stands.")


def tidy(run: Run) -> None:
    """Drop checkpoints that nobody will ask for, inside the caller's transaction.

    Kept: the newest two to go on from, as a damaged last one shall be no loss of the run, and
    about a hundred along the run to look back at: the first of each hundredth of it, and the
    newest. A file that a version uses always stays.
    """
    saved = Checkpoint.objects.filter(run_id=run.pk)
    training = saved.filter(kind=Checkpoint.Kind.TRAINING)
    every = max(1, run.total // MOST_INFERENCE)
    older = list(saved.filter(kind=Checkpoint.Kind.INFERENCE).order_by("at"))[:-1]
    drop_checkpoints(
        [
            *training.order_by("-at", "-pk")[KEEP_TRAINING:],
            *(
                later
                for earlier, later in itertools.pairwise(older)
                if later.at // every == earlier.at // every
            ),
        ]
    )


@dataclass(frozen=True)
class Resumed:
    """A trainer that stands where the run was left. `remarks` are for the run's events."""

    trainer: Trainer
    memory: Memory | None
    remarks: list[str]


def resume(run: Run, make_trainer: Callable[[], Trainer]) -> Resumed:
    """Take up the newest training checkpoint that can be read; begin anew if there is none.

    Raises: RunFailedError if there are checkpoints and all are damaged, since beginning anew
        would throw away what they show; CheckpointError if one is whole but not for this trainer.
    """
    remarks: list[str] = []
    saved = Checkpoint.objects.filter(run_id=run.pk, kind=Checkpoint.Kind.TRAINING)
    newest_first = saved.select_related("artifact").order_by("-at", "-pk")
    for checkpoint in persistently(lambda: list(newest_first.all())):
        try:
            content = open_artifact(checkpoint.artifact)
        except ArtifactDamagedError as error:
            logger.error("run %s: %s", run.pk, error)
            remarks.append(
                f"the training checkpoint at {run.unit} {checkpoint.at} is damaged; "
                "went back to the one before"
            )
            continue
        trainer = make_trainer()
        return Resumed(trainer, take_up(content, trainer), remarks)
    if remarks:
        raise RunFailedError(
            "Every training checkpoint of this run is damaged on the disk. Restore the artifacts "
            "from a backup and resume it, or start a new run; `manage.py verify` lists the damage."
        )
    return Resumed(make_trainer(), None, remarks)


def take_up(content: bytes, trainer: Trainer) -> Memory:
    """Let a new trainer stand where the file's trainer stood.

    Raises: CheckpointError naming what no worker would have saved so.
    """
    state, _ = load_training(content)
    if set(state) != {TRAINER, EXECUTION}:
        raise CheckpointError(
            f"the training checkpoint has the parts {', '.join(sorted(state))}; expected {TRAINER} "
            f"and {EXECUTION}, as this version saves it. Start a new run."
        )
    trainer.load_state_dict(state[TRAINER])
    return read_memory(state[EXECUTION], trainer.progress)


def read_memory(data: Any, progress: Progress) -> Memory:
    """What a worker remembered beside a trainer that stands at `progress`.

    Raises: CheckpointError naming the field.
    """
    with below(EXECUTION):
        keeper = ReplayKeeper()
        keeper.load_state_dict(data["keeper"])
        return Memory(
            at=load_whole(data["at"], progress.done, progress.done, "at"),
            episodes=load_whole(data["episodes"], 0, MOST_EPISODES, "episodes"),
            keeper=keeper,
            finished=None if data["finished"] is None else read_metrics(data["finished"]),
        )


def read_metrics(data: Any) -> dict[str, float]:
    """Raises: CheckpointError."""
    return {
        str(name): load_number(value, -LARGEST_NUMBER, LARGEST_NUMBER, f"finished.{name}")
        for name, value in data.items()
    }
