"""What crashes leave in the artifact store goes after a day; what is used or new stays."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from registry.artifacts.collecting import Collected, collect
from registry.artifacts.disk import path_of, stored_files
from registry.artifacts.models import Artifact
from registry.artifacts.store import discard_unreferenced, open_artifact, store_file
from registry.checkpoints import record_checkpoint
from tests.training.runs import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]
KIND = "application/octet-stream"
DAY_AND_MORE = timedelta(hours=25)


def make_old(path: Path) -> Path:
    long_ago = (timezone.now() - DAY_AND_MORE).timestamp()
    os.utime(path, (long_ago, long_ago))
    return path


def file_of(content: bytes) -> Path:
    """A file in its place in the store, and no row."""
    path = path_of(hashlib.sha256(content).hexdigest())
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def stored_long_ago(content: bytes) -> Artifact:
    path = make_old(file_of(content))
    return Artifact.objects.create(
        sha256=path.name,
        size_bytes=len(content),
        media_type=KIND,
        created_at=timezone.now() - DAY_AND_MORE,
    )


def test_old_leftovers_go_and_nothing_else(artifact_dir):
    (artifact_dir / "tmp").mkdir()
    half = artifact_dir / "tmp" / "half"
    half.write_bytes(b"")
    make_old(half)
    unused, used = stored_long_ago(b"nobody's"), stored_long_ago(b"a run's")
    record_checkpoint(uuid.uuid4(), "training", 1, used)
    stray = make_old(file_of(b"without a row"))
    young, young_stray = store_file(b"just stored", KIND), file_of(b"its row comes")
    assert collect() == Collected(temporary=1, unused=1, stray=1)
    assert not any(path.exists() for path in (half, stray, path_of(unused.sha256)))
    assert set(Artifact.objects.all()) == {used, young}
    assert open_artifact(used) == b"a run's"
    assert open_artifact(young) == b"just stored"
    assert young_stray.exists()
    assert collect() == Collected(0, 0, 0)


def test_old_bytes_that_were_stored_again_wait_for_their_new_row():
    """Between storing and pointing at it, a worker holds nothing but the old row."""
    old = stored_long_ago(b"the same weights again")
    again = store_file(b"the same weights again", KIND)
    assert again == old
    assert collect().unused == 0
    assert open_artifact(record_checkpoint(uuid.uuid4(), "inference", 5, again).artifact)


def test_files_without_a_row_stay_in_a_store_that_another_database_has_used(artifact_dir, caplog):
    """`up` with another DATABASE_URL and the same folder: its rows are elsewhere, not gone."""
    store_file(b"ours", KIND)
    (artifact_dir / "databases" / "20260101T000000.000000Z").touch()
    theirs, unused = make_old(file_of(b"with a row elsewhere")), stored_long_ago(b"nobody's")
    assert collect() == Collected(temporary=0, unused=1, stray=0)
    assert theirs.exists()
    assert not path_of(unused.sha256).exists()
    assert "remove databases/20260101T000000.000000Z" in caplog.text


def test_the_mark_of_a_database_is_its_own(artifact_dir):
    store_file(b"first", KIND)
    (mark,) = (artifact_dir / "databases").iterdir()
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(applied) FROM django_migrations")
        assert mark.name == f"{cursor.fetchone()[0]:%Y%m%dT%H%M%S.%fZ}"
    store_file(b"second", KIND)
    assert list((artifact_dir / "databases").iterdir()) == [mark]


def test_what_one_run_drops_another_may_just_have_stored():
    first = record_checkpoint(uuid.uuid4(), "inference", 5, store_file(b"same", KIND))
    again = store_file(b"same", KIND)
    first.delete()
    assert discard_unreferenced([again.sha256]) == []
    assert record_checkpoint(uuid.uuid4(), "inference", 5, again).artifact == again


def test_the_time_of_a_file_is_that_of_the_clock_which_rows_are_made_by(monkeypatch):
    """The file system's own may lag by milliseconds, and a row may be made in between."""
    now = 2_000_000_000_000_001_000
    monkeypatch.setattr(time, "time_ns", lambda: now)
    artifact = store_file(b"timed", KIND)
    assert path_of(artifact.sha256).stat().st_mtime_ns == now


def test_collecting_twice_at_once_removes_once():
    for number in range(20):
        stored_long_ago(b"unused %d" % number)
        make_old(file_of(b"stray %d" % number))
    found = at_once([collect, collect, collect])
    assert sum(one.unused for one in found) == 20
    # The file of a row that one has removed may be a stray in the eyes of another.
    assert 20 <= sum(one.stray for one in found) <= 40
    assert not Artifact.objects.exists()
    assert not list(stored_files())
