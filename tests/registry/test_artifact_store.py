"""The artifact store: whole or absent, verified on read, safe against doing it twice."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from registry.artifacts.disk import clean_abandoned, path_of
from registry.artifacts.errors import ArtifactDamagedError, ArtifactTooLargeError
from registry.artifacts.models import Artifact
from registry.artifacts.store import artifact_path, discard_unreferenced, open_artifact, store_file
from tests.registry.checkpoints import store_checkpoint

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
KIND = "application/octet-stream"


def temporary_files(root: Path) -> list[Path]:
    return list((root / "tmp").glob("*"))


def test_file_is_named_by_the_hash_of_its_bytes_and_read_back(artifact_dir):
    artifact = store_file(b"some weights", KIND)
    digest = hashlib.sha256(b"some weights").hexdigest()
    assert artifact.sha256 == digest
    assert artifact.size_bytes == 12
    assert artifact_path(artifact) == artifact_dir / "sha256" / digest[:2] / digest[2:4] / digest
    assert open_artifact(artifact) == b"some weights"
    assert temporary_files(artifact_dir) == []


def test_file_is_taken_from_a_path_too_and_the_original_stays(tmp_path):
    source = tmp_path / "weights.bin"
    source.write_bytes(b"x" * 3_000_001)  # more than one chunk
    artifact = store_file(source, KIND)
    assert open_artifact(artifact) == source.read_bytes()


def test_file_is_moved_without_writing_it_again(artifact_dir):
    source = artifact_dir / "tmp" / "new"
    source.parent.mkdir()
    source.write_bytes(b"x" * 3_000_001)
    number = source.stat().st_ino
    artifact = store_file(source, KIND, move=True)
    assert artifact_path(artifact, verify=True).stat().st_ino == number
    assert temporary_files(artifact_dir) == []


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_file_of_another_file_system_is_moved_too(artifact_dir):
    source = Path("/dev/shm") / f"hamlet-test-{uuid.uuid4().hex}"
    source.write_bytes(b"from elsewhere")
    try:
        assert open_artifact(store_file(source, KIND, move=True)) == b"from elsewhere"
        assert not source.exists()
    finally:
        source.unlink(missing_ok=True)


def test_file_that_could_not_be_stored_is_not_moved(artifact_dir, tmp_path, settings):
    settings.ARTIFACT_MAX_BYTES = 10
    source = tmp_path / "new"
    source.write_bytes(b"eleven byte")
    with pytest.raises(ArtifactTooLargeError):
        store_file(source, KIND, move=True)
    assert source.read_bytes() == b"eleven byte"
    assert not Artifact.objects.exists()
    assert temporary_files(artifact_dir) == []


def test_same_bytes_give_one_row():
    assert store_file(b"twice", KIND) == store_file(b"twice", KIND)
    assert Artifact.objects.count() == 1


def test_empty_file_is_a_file():
    assert open_artifact(store_file(b"", KIND)) == b""


@pytest.mark.django_db(transaction=True)
def test_same_bytes_at_the_same_time_give_one_row(artifact_dir):
    def store(_: int) -> str:
        try:
            return store_file(b"at once" * 1000, KIND).sha256
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(store, range(24)))
    assert len(digests) == 1
    assert Artifact.objects.count() == 1
    assert temporary_files(artifact_dir) == []


def test_too_large_a_file_leaves_nothing(artifact_dir, settings):
    settings.ARTIFACT_MAX_BYTES = 10
    with pytest.raises(ArtifactTooLargeError, match="10 bytes"):
        store_file(b"eleven byte", KIND)
    assert not Artifact.objects.exists()
    assert temporary_files(artifact_dir) == []


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"!", lambda b: b"X" + b[1:]])
def test_changed_file_is_never_handed_out(change):
    artifact = store_file(b"the true weights", KIND)
    path = artifact_path(artifact)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ArtifactDamagedError, match="backup"):
        open_artifact(artifact)
    with pytest.raises(ArtifactDamagedError):
        artifact_path(artifact, verify=True)


def test_missing_file_is_said_to_be_missing():
    artifact = store_file(b"here today", KIND)
    artifact_path(artifact).unlink()
    with pytest.raises(ArtifactDamagedError, match="No such file"):
        open_artifact(artifact)


def test_storing_the_bytes_again_mends_a_damaged_file():
    artifact = store_file(b"the true weights", KIND)
    artifact_path(artifact).write_bytes(b"the fake weights")
    store_file(b"the true weights", KIND)
    assert open_artifact(artifact) == b"the true weights"


def test_failure_while_writing_leaves_neither_row_nor_temporary_file(artifact_dir, tmp_path):
    with pytest.raises(OSError):  # noqa: PT011 - a folder cannot be read as a file
        store_file(tmp_path, KIND)
    assert not Artifact.objects.exists()
    assert temporary_files(artifact_dir) == []


def test_old_temporary_files_are_cleaned_and_young_ones_stay(artifact_dir):
    folder = artifact_dir / "tmp"
    folder.mkdir()
    old, young = folder / "old", folder / "young"
    old.write_bytes(b"")
    young.write_bytes(b"")
    long_ago = time.time() - timedelta(hours=25).total_seconds()
    os.utime(old, (long_ago, long_ago))
    assert clean_abandoned() == 1
    assert young.exists()
    assert not old.exists()


def test_discarding_removes_row_and_file(django_capture_on_commit_callbacks):
    artifact = store_file(b"no longer wanted", KIND)
    with django_capture_on_commit_callbacks(execute=True):
        assert discard_unreferenced([artifact.sha256]) == [artifact.sha256]
    assert not Artifact.objects.exists()
    assert not path_of(artifact.sha256).exists()


def test_file_that_something_points_at_is_not_discarded(django_capture_on_commit_callbacks):
    checkpoint = store_checkpoint(uuid.uuid4(), "training", 1, b"still wanted", {})
    with django_capture_on_commit_callbacks(execute=True):
        assert discard_unreferenced([checkpoint.artifact_id]) == []
    assert open_artifact(checkpoint.artifact) == b"still wanted"


@pytest.mark.django_db(transaction=True)
def test_discarding_that_is_rolled_back_keeps_the_file():
    artifact = store_file(b"kept after all", KIND)
    with transaction.atomic():
        discard_unreferenced([artifact.sha256])
        transaction.set_rollback(True)
    assert open_artifact(Artifact.objects.get()) == b"kept after all"
