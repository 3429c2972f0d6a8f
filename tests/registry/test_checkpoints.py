"""Checkpoints of a run: the same moment twice is once, and what is dropped takes its file along."""

from __future__ import annotations

import uuid

import pytest

from registry.artifacts.disk import path_of
from registry.artifacts.store import open_artifact
from registry.checkpoints import drop_checkpoints
from registry.models import Checkpoint
from tests.registry.checkpoints import checkpoint_bytes, store_checkpoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]


def save(run_id: uuid.UUID, kind: str, at: int, content: bytes | None = None) -> Checkpoint:
    return store_checkpoint(run_id, kind, at, content or f"{run_id}{kind}{at}".encode(), {"at": at})


def test_saving_a_moment_again_gives_one_row_with_the_newer_file():
    run = uuid.uuid4()
    first = save(run, "training", 10, b"before the crash")
    again = save(run, "training", 10, b"after the crash")
    assert Checkpoint.objects.get() == again
    assert open_artifact(again.artifact) == b"after the crash"
    assert not path_of(first.artifact_id).exists()


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="not a valid"):
        save(uuid.uuid4(), "souvenir", 1)
    assert not Checkpoint.objects.exists()


def test_file_of_a_registered_version_stays_when_its_checkpoint_goes(register):
    run = uuid.uuid4()
    version = register(seed=1)
    saved = [save(run, "inference", at, checkpoint_bytes(seed=at)) for at in (1, 2)]
    drop_checkpoints(saved)
    assert not Checkpoint.objects.exists()
    assert open_artifact(version.artifact) == checkpoint_bytes(seed=1)
    assert not path_of(saved[1].artifact_id).exists()
