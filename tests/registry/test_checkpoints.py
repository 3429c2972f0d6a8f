"""Checkpoints of a run: the newest is found, twice is once, old ones go."""

from __future__ import annotations

import uuid

import pytest

from registry.artifacts.store import open_artifact, path_of
from registry.checkpoints import apply_retention, latest_checkpoint, store_checkpoint
from registry.models import Checkpoint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]


def save(run_id: uuid.UUID, kind: str, at: int, content: bytes | None = None) -> Checkpoint:
    return store_checkpoint(run_id, kind, at, content or f"{run_id}{kind}{at}".encode(), {"at": at})


def kept(run_id: uuid.UUID, kind: str) -> list[int]:
    rows = Checkpoint.objects.filter(run_id=run_id, kind=kind)
    return sorted(rows.values_list("at", flat=True))


def test_latest_is_the_one_furthest_on_of_its_kind_and_run():
    run, other = uuid.uuid4(), uuid.uuid4()
    for at in (10, 30, 20):
        save(run, "training", at)
    save(run, "inference", 40)
    save(other, "training", 50)
    assert latest_checkpoint(run, "training").at == 30
    assert latest_checkpoint(run, "inference").at == 40
    assert latest_checkpoint(uuid.uuid4(), "training") is None


def test_saving_a_moment_again_gives_one_row_with_the_newer_file():
    run = uuid.uuid4()
    first = save(run, "training", 10, b"before the crash")
    again = save(run, "training", 10, b"after the crash")
    assert Checkpoint.objects.get() == again
    assert open_artifact(latest_checkpoint(run, "training").artifact) == b"after the crash"
    assert not path_of(first.artifact_id).exists()


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="not a valid"):
        save(uuid.uuid4(), "souvenir", 1)
    assert not Checkpoint.objects.exists()


def test_retention_keeps_the_newest_training_checkpoints_and_drops_the_files_of_the_rest():
    run = uuid.uuid4()
    saved = [save(run, "training", at) for at in (10, 20, 30, 40)]
    assert apply_retention(run, keep_training=2) == 2
    assert kept(run, "training") == [30, 40]
    assert [path_of(row.artifact_id).exists() for row in saved] == [False, False, True, True]


def test_retention_thins_inference_checkpoints_but_keeps_the_newest():
    run = uuid.uuid4()
    for at in range(100, 1050, 100):
        save(run, "inference", at)
    save(run, "inference", 1050)
    apply_retention(run, keep_inference_every=500)
    assert kept(run, "inference") == [500, 1000, 1050]


def test_without_a_step_all_inference_checkpoints_stay():
    run = uuid.uuid4()
    for at in (100, 200, 300):
        save(run, "inference", at)
    apply_retention(run)
    assert kept(run, "inference") == [100, 200, 300]


def test_retention_leaves_other_runs_alone():
    run, other = uuid.uuid4(), uuid.uuid4()
    for at in (10, 20, 30):
        save(run, "training", at)
        save(other, "training", at)
    apply_retention(run, keep_training=1)
    assert kept(other, "training") == [10, 20, 30]


def test_file_of_a_registered_version_stays_when_its_checkpoint_goes(register):
    from tests.registry.checkpoints import checkpoint_bytes

    run = uuid.uuid4()
    version = register(seed=1)
    for at, seed in ((100, 1), (150, 2)):
        save(run, "inference", at, checkpoint_bytes(seed=seed))
    apply_retention(run, keep_inference_every=1000)
    assert kept(run, "inference") == [150]
    assert open_artifact(version.artifact) == checkpoint_bytes(seed=1)


def test_a_run_always_keeps_something_to_go_on_from():
    with pytest.raises(ValueError, match="at least one"):
        apply_retention(uuid.uuid4(), keep_training=0)
