"""`manage.py verify`: finds every kind of damage, says where, and ends accordingly."""

from __future__ import annotations

import io
import os
import time
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from registry.aliases.services import move_alias
from registry.artifacts.audit import Fault, audit
from registry.artifacts.disk import path_of
from registry.artifacts.models import Artifact
from registry.artifacts.store import artifact_path, store_file
from registry.audit.chain import append
from registry.bundles.services import export_bundle, import_bundle
from registry.models import Alias
from tests.registry.checkpoints import store_checkpoint

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
AN_HOUR = 3600


def keep(content: bytes) -> Artifact:
    return store_checkpoint(uuid.uuid4(), "training", 1, content, {}).artifact


def age(path) -> None:
    then = time.time() - AN_HOUR
    os.utime(path, (then, then))


def age_row(artifact: Artifact) -> None:
    """Rows of artifacts never change; only a test may turn back the clock."""
    age(path_of(artifact.sha256))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_artifact DISABLE TRIGGER artifact_never_changes")
        cursor.execute(
            "UPDATE registry_artifact SET created_at = %s WHERE sha256 = %s",
            [timezone.now() - timedelta(seconds=AN_HOUR), artifact.sha256],
        )
        cursor.execute("ALTER TABLE registry_artifact ENABLE TRIGGER artifact_never_changes")


def verify(*arguments: str) -> str:
    out = io.StringIO()
    call_command("verify", *arguments, stdout=out)
    return out.getvalue()


def test_whole_store_passes_and_counts_what_it_read():
    keep(b"one")
    keep(b"three")
    text = verify()
    assert "checked     2 files, 8 bytes" in text
    for fault in Fault:
        assert f"{fault.value:<11} 0" in text


def test_every_single_flipped_bit_is_found():
    artifacts = [keep(os.urandom(64)) for _ in range(40)]
    for number, artifact in enumerate(artifacts):
        path = artifact_path(artifact)
        content = bytearray(path.read_bytes())
        content[number] ^= 1 << (number % 8)
        path.write_bytes(content)
    report = audit()
    assert {f.what for f in report.findings if f.fault == Fault.DAMAGED} == {
        artifact.sha256 for artifact in artifacts
    }


def test_damage_and_loss_end_with_an_error_that_names_them():
    damaged, lost, whole = keep(b"damaged"), keep(b"lost"), keep(b"whole")
    artifact_path(damaged).write_bytes(b"DAMAGED")
    artifact_path(lost).unlink()
    out = io.StringIO()
    with pytest.raises(CommandError, match="backup"):
        call_command("verify", stdout=out)
    text = out.getvalue()
    assert f"damaged: {damaged.sha256}" in text
    assert f"missing: {lost.sha256}" in text
    assert whole.sha256 not in text


def test_file_without_a_row_is_reported_and_harms_nobody():
    stray = path_of("ab" * 32)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left by a crash")
    assert "stray       0" in verify(), "a young file may be on its way"
    age(stray)
    assert f"stray: {stray}" in verify()
    assert stray.exists()


def test_row_that_nothing_uses_is_reported():
    artifact = store_file(b"nobody wants me", "text/plain")
    assert "unused      0" in verify(), "a young row may be about to be used"
    age_row(artifact)
    assert f"unused: {artifact.sha256}" in verify()


def test_nothing_is_discarded_that_another_database_may_name(artifact_dir):
    keep(b"ours")
    theirs = path_of("ab" * 32)
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    age(theirs)
    (artifact_dir / "databases" / "20260101T000000.000000Z").touch()
    with pytest.raises(CommandError, match="other databases have stored files"):
        verify("--discard")
    assert theirs.exists()
    assert "stray       1" in verify()


def test_discard_removes_strays_and_unused_files_and_nothing_else(
    django_capture_on_commit_callbacks,
):
    kept, unused = keep(b"kept"), store_file(b"nobody wants me", "text/plain")
    age_row(unused)
    stray = path_of("cd" * 32)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left by a crash")
    misnamed = stray.with_name("notes.txt")
    misnamed.write_bytes(b"put here by hand")
    age(stray)
    age(misnamed)
    with django_capture_on_commit_callbacks(execute=True):
        assert "discarded   3 files" in verify("--discard")
    assert not stray.exists()
    assert not misnamed.exists()
    assert not path_of(unused.sha256).exists()
    assert artifact_path(kept, verify=True).exists()


def test_audit_log_that_was_tampered_with_ends_in_an_error():
    for number in range(3):
        append("model.changed", actor=None, kind="model", subject=f"m{number}")
    head = next(line for line in verify().splitlines() if "audit log" in line).split()[-1]
    assert f"head {head}" in verify("--anchor", head)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE registry_auditentry SET subject = 'x' WHERE sequence = 2")
        cursor.execute("ALTER TABLE registry_auditentry ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="changed by somebody who went around"):
        verify()


def test_alias_that_was_moved_around_its_history_ends_in_an_error(register, model):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first)
    move_alias(model, "best", second)
    assert "0 differ from their history" in verify()
    Alias.objects.filter(name="best").update(version=first)
    out = io.StringIO()
    with pytest.raises(CommandError, match="Aliases and their history differ"):
        call_command("verify", stdout=out)
    assert "walker@best names 1.0.0, its history ends at 1.0.1" in out.getvalue()


@pytest.mark.parametrize("imported", [False, True], ids=["registered", "imported"])
def test_version_that_was_given_another_past_is_named(register, model, imported, tmp_path):
    register(metrics={"score": 0.1}, lineage={"level": "L0", "large": 1e16, "zero": -0.0})
    if imported:
        export_bundle([model], tmp_path / "walker.zip")
        import_bundle(tmp_path / "walker.zip", rename={"walker": "runner"})
    name = "runner" if imported else "walker"
    assert f"versions    {1 + imported}, 0 changed" in verify()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registry_modelversion DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE registry_modelversion SET metrics = '{\"score\": 0.9}' WHERE model_id = "
            "(SELECT id FROM registry_registeredmodel WHERE name = %s)",
            [name],
        )
        cursor.execute("ALTER TABLE registry_modelversion ENABLE TRIGGER USER")
    out = io.StringIO()
    with pytest.raises(CommandError, match="Rows of versions were changed"):
        call_command("verify", stdout=out)
    assert f"versions: {name}/1.0.0 says something else than when it was registered" in (
        out.getvalue()
    )
