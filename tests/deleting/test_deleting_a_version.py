"""Deleting for good: exactly what was shown, and nothing that somebody still needs."""

from __future__ import annotations

import hashlib
import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from hamlet.schema import canonical_json
from registry.aliases.services import move_alias, protect_alias
from registry.artifacts.disk import path_of
from registry.artifacts.store import store_file
from registry.deleting.errors import DeletionBlockedError, StalePreviewError
from registry.deleting.queries import preview
from registry.deleting.services import delete_version
from registry.errors import NotChangeableError
from registry.exports.models import Export
from registry.jobs.models import Job
from registry.models import Alias, AliasMove, Artifact, AuditEntry, ModelVersion
from registry.queries import alias_at
from registry.versions import lifecycle
from training.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def delete(version: ModelVersion, user=None):
    return delete_version(version, token=preview(version).token, user=user)


def part(parts, kind: str):
    (found,) = [part for part in parts if part.kind == kind]
    return found


def make_job(version: ModelVersion, **rest) -> Job:
    question = store_file(f"question {version.pk} {rest}".encode(), "application/json")
    return Job.objects.create(
        version=version, queue="q", question=question, request_hash="", total=1, **rest
    )


def make_run(version: ModelVersion | None, **rest) -> Run:
    values = {"name": "r", "system": "town", "spec": {}, "spec_hash": "", "request_hash": ""}
    values |= {"total": 1, "unit": "episode", "version": version, "status": "succeeded"}
    return Run.objects.create(**{**values, "ended_at": timezone.now(), **rest})


def test_number_of_a_deleted_version_is_given_to_no_other(versions, register):
    delete(versions[2])
    assert register(seed=7).number == "1.0.3"
    for version in ModelVersion.objects.all():
        delete(version)
    assert register(seed=8).number == "2.0.0", "nothing is left to compare it with"


def test_version_goes_with_its_file_and_all_that_hangs_on_it(
    versions, django_capture_on_commit_callbacks
):
    version = versions[0]
    export = store_file(b"onnx", "application/octet-stream")
    Export.objects.create(version=version, format="onnx", artifact=export, parity_relative=0)
    make_job(version, status="succeeded", ended_at=timezone.now())
    found = preview(version)
    assert {(part.kind, part.count) for part in found.goes} == {
        ("version", 1),
        ("version card", 1),
        ("check", 1),
        ("export", 1),
        ("job", 1),
    }
    assert set(found.files) > {version.artifact_id, export.pk}
    assert found.freed_bytes == sum(
        Artifact.objects.filter(pk__in=found.files).values_list("size_bytes", flat=True)
    )
    with django_capture_on_commit_callbacks(execute=True):
        delete(version)
    assert not ModelVersion.objects.filter(pk=version.pk).exists()
    assert not Job.objects.exists()
    assert not Export.objects.exists()
    for digest in found.files:
        assert not Artifact.objects.filter(pk=digest).exists()
        assert not path_of(digest).exists()


def test_preview_changes_nothing(versions, django_assert_max_num_queries):
    before = (ModelVersion.objects.count(), AuditEntry.objects.count())
    with django_assert_max_num_queries(60):
        preview(versions[0])
    assert (ModelVersion.objects.count(), AuditEntry.objects.count()) == before


def test_file_that_something_else_uses_stays(versions, register, model):
    from registry.services import ensure_model

    other = ensure_model("runner", "town", model.owner, model.classroom)
    register(model=other, seed=0)
    found = preview(versions[0])
    assert found.files == []
    delete(versions[0])
    assert Artifact.objects.filter(pk=versions[0].artifact_id).exists()


def test_run_stays_and_points_at_nothing(versions):
    run = make_run(versions[0])
    stays = part(preview(versions[0]).stays, "run")
    assert (stays.count, stays.fate) == (1, "stay, and point at it no more")
    delete(versions[0])
    run.refresh_from_db()
    assert run.version is None


def test_children_stay_without_a_parent(versions, register):
    child = register(seed=9, parent=versions[0])
    stays = part(preview(versions[0]).stays, "version")
    assert stays.fate == "stay, without a parent"
    assert stays.examples == [f"walker {child.number}"]
    delete(versions[0])
    child.refresh_from_db()
    assert child.parent is None


def test_history_keeps_the_numbers(versions, model):
    first = versions[0]
    when = AliasMove.objects.get(new_version=first).moved_at
    delete(first)
    move = alias_at(model, "latest", when)
    assert (move.new_number, move.new_version) == ("1.0.0", None)
    assert not AliasMove.objects.filter(new_number="").exists()


def test_latest_moves_to_the_newest_that_remains(versions, model):
    delete(versions[2])
    assert model.aliases.get(name="latest").version == versions[1]
    move = model.alias_moves.first()
    assert (move.old_number, move.new_number, move.old_version) == ("1.0.2", "1.0.1", None)


def test_last_version_takes_latest_along(versions, model):
    for version in versions:
        found = preview(version)
        delete(version)
    assert part(found.goes, "alias").examples == ["walker@latest"]
    assert not Alias.objects.exists()
    assert model.alias_moves.first().new_number == ""


def test_version_that_an_alias_names_stays(versions, model, instructor):
    move_alias(model, "best", versions[0], instructor)
    move_alias(model, "safe", versions[0], instructor)
    protect_alias(model, "safe", True, instructor)
    with pytest.raises(DeletionBlockedError, match="named by best, safe. Move or remove"):
        delete(versions[0])
    assert ModelVersion.objects.count() == 3


@pytest.mark.parametrize("status", ["staged", "deployed"])
def test_version_in_service_stays(versions, status):
    lifecycle.move(versions[0], "validated")
    lifecycle.move(versions[0], status)
    with pytest.raises(DeletionBlockedError, match=f"1.0.0 is {status}"):
        delete(versions[0])


def test_version_that_a_job_works_with_stays(versions):
    make_job(versions[0])
    with pytest.raises(DeletionBlockedError, match="1 job that use it have not ended"):
        delete(versions[0])


def test_more_than_was_shown_is_never_deleted(versions):
    token = preview(versions[0]).token
    make_job(versions[0], status="failed", ended_at=timezone.now())
    with pytest.raises(StalePreviewError, match="not what was shown"):
        delete_version(versions[0], token=token)
    for wrong in ("", "0" * 64, preview(versions[1]).token):
        with pytest.raises(StalePreviewError):
            delete_version(versions[0], token=wrong)
    assert ModelVersion.objects.count() == 3


def test_whoever_may_not_change_the_model_deletes_nothing(versions, student, outsider):
    for person in (student, outsider):
        with pytest.raises(NotChangeableError):
            delete(versions[0], person)


def test_audit_log_keeps_number_and_hashes(versions, instructor):
    version = versions[0]
    delete(version, instructor)
    entry = AuditEntry.objects.get(action="version.deleted")
    assert (entry.actor, entry.subject) == ("instructor", "walker/1.0.0")
    lineage = hashlib.sha256(canonical_json({"seed": 0}).encode()).hexdigest()
    assert entry.details["artifact_sha256"] == version.artifact_id
    assert entry.details["lineage_sha256"] == lineage
    assert entry.details["number"] == "1.0.0"


def test_database_refuses_every_other_way(versions):
    delete(versions[0])
    with pytest.raises(DatabaseError, match="stays"), transaction.atomic():
        connection.cursor().execute("DELETE FROM registry_modelversion")
    with pytest.raises((InternalError, DatabaseError), match="stays"), transaction.atomic():
        AliasMove.objects.all().delete()


def test_number_is_not_given_out_again(versions, register):
    delete(versions[1])
    assert register(seed=7).number == "1.0.3"


def test_table_that_points_at_versions_is_in_the_preview_by_itself(versions):
    """Predictions are logged by a table that this package has never heard of."""
    from registry.serving.models import Prediction

    Prediction.objects.bulk_create(
        [
            Prediction(
                asked_at=timezone.now(),
                id=1,
                request_id=str(uuid.uuid4()),
                api="predict",
                model=versions[0].model,
                version=versions[0],
                model_name="walker",
                version_number="1.0.0",
                artifact_sha256=versions[0].artifact_id,
                engine="onnx",
                status=200,
                rows=1,
                batch_rows=1,
                parse_ms=0,
                queue_ms=0,
                run_ms=0,
                total_ms=0,
            )
        ]
    )
    stays = part(preview(versions[0]).stays, "prediction")
    assert (stays.count, stays.fate) == (1, "stay as they are")
    delete(versions[0])
    assert Prediction.objects.get().version_number == "1.0.0"


# -- the command --------------------------------------------------------------------------------


def run_command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("delete_version", *arguments, stdout=out)
    return out.getvalue()


def test_command_shows_and_asks_before_it_deletes(versions, monkeypatch):
    with pytest.raises(CommandError, match="say --yes"):
        run_command("walker", "1.0.0")
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda _: "walker/1.0.1")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run_command("walker", "1.0.0")
    assert ModelVersion.objects.count() == 3
    text = run_command("walker", "1.0.0", "--yes")
    assert "1 version: go" in text
    assert "walker/1.0.0 is deleted for good." in text
    assert ModelVersion.objects.count() == 2


def test_command_says_what_stands_in_the_way(versions, model, instructor):
    move_alias(model, "best", versions[0], instructor)
    with pytest.raises(CommandError, match="named by best"):
        run_command("walker", "1.0.0", "--yes")
    with pytest.raises(CommandError, match="has no version"):
        run_command("walker", "9.9.9", "--yes")
