"""Export, wipe, import: everything is as it was, and asking again changes nothing."""

from __future__ import annotations

import hashlib
import io
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from registry.artifacts.store import open_artifact
from registry.audit.chain import check_chain
from registry.bundles.services import export_bundle, import_bundle
from registry.models import AliasMove, AuditEntry, ModelVersion, RegisteredModel
from registry.queries import alias_at
from registry.services import ensure_model
from registry.versions.execution import run_check
from registry.versions.models import VersionCheck
from tests.bundles.forging import entries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def answers(name: str = "walker") -> dict:
    """What people ask: every version with its file, and what each alias named at each time."""
    model = RegisteredModel.objects.get(name=name)
    versions = {
        version.number: (
            hashlib.sha256(open_artifact(version.artifact)).hexdigest(),
            version.created_at,
            version.signature,
            version.lineage,
            version.parameters,
            version.metrics,
            version.parent.number if version.parent else None,
            version.card.status,
            version.card.tags,
            version.card.description,
        )
        for version in model.versions.all()
    }
    moves = AliasMove.objects.filter(model=model).order_by("moved_at")
    times = [move.moved_at + timedelta(microseconds=1) for move in moves]
    live = {
        (alias, when): (move.new_number if (move := alias_at(model, alias, when)) else None)
        for when in times
        for alias in ("latest", "best", "trial")
    }
    stands = {alias.name: (alias.version.number, alias.protected) for alias in model.aliases.all()}
    return {"versions": versions, "live": live, "stands": stands, "since": model.created_at}


def test_wiped_server_answers_as_before_once_the_bundle_is_imported(
    bundle, wipe, instructor, classroom
):
    before = answers()
    wipe()
    imported = import_bundle(bundle, user=instructor, classroom=classroom)
    assert imported.models == ["walker"]
    assert imported.versions == ["walker 1.0.0", "walker 1.1.0", "walker 1.2.0"]
    assert imported.notes == []
    assert answers() == before
    assert len(before["live"]) == 21, "seven moves, asked for three aliases each"
    model = RegisteredModel.objects.get()
    assert (model.owner, model.classroom) == (instructor, classroom)


def test_verify_is_clean_after_an_import(bundle, wipe):
    wipe()
    import_bundle(bundle)
    out = io.StringIO()
    call_command("verify", stdout=out)
    assert "missing     0" in out.getvalue()
    assert "unused      0" in out.getvalue()
    assert check_chain().is_whole


def test_bundle_of_what_was_imported_has_the_same_bytes(bundle, wipe, tmp_path):
    wipe()
    import_bundle(bundle)
    again = tmp_path / "again.zip"
    export_bundle([RegisteredModel.objects.get()], again)
    assert again.read_bytes() == bundle.read_bytes()


def test_same_models_give_the_same_bytes_at_any_time(bundle, model, tmp_path):
    again = tmp_path / "again.zip"
    export_bundle([model], again)
    assert again.read_bytes() == bundle.read_bytes()


def test_importing_again_changes_nothing_and_says_so(bundle, story, instructor):
    before = AuditEntry.objects.count()
    imported = import_bundle(bundle, user=instructor)
    assert not imported.changed
    assert imported.unchanged == ["walker"]
    assert AuditEntry.objects.count() == before
    assert ModelVersion.objects.count() == 3


def test_who_registered_and_moved_stays_known_by_name(bundle, wipe):
    wipe()
    import_bundle(bundle)
    (entry,) = AuditEntry.objects.filter(action="bundle.imported")
    assert entry.details["kept"]["versions"] == {
        "1.0.0": {"registered_by": "instructor"},
        "1.2.0": {"registered_by": "instructor"},
    }
    assert set(entry.details["kept"]["moves"].values()) == {"instructor"}
    assert ModelVersion.objects.filter(registered_by=None).count() == 3


def test_model_comes_in_under_another_name_beside_the_first(bundle, story, instructor):
    imported = import_bundle(bundle, user=instructor, rename={"walker": "runner"})
    assert imported.models == ["runner"]
    theirs, ours = answers("runner"), answers("walker")
    assert theirs == ours
    child = ModelVersion.objects.get(model__name="runner", minor=2)
    assert child.parent.model.name == "runner"


def test_older_copy_is_brought_up_to_date(bundle, story, model, register, wipe, tmp_path):
    newer = tmp_path / "newer.zip"
    register(seed=7)
    export_bundle([model], newer)
    after = answers()
    wipe()
    import_bundle(bundle)
    imported = import_bundle(newer)
    assert imported.versions == ["walker 1.2.1"]
    assert imported.moves == 1
    assert answers() == after
    assert not import_bundle(bundle).changed, "the older bundle has nothing to add"


def test_single_version_travels_without_aliases_and_becomes_latest(story, wipe, tmp_path):
    path = tmp_path / "one.zip"
    export_bundle([story[1]], path)
    wipe()
    import_bundle(path)
    version = ModelVersion.objects.get()
    assert version.number == "1.1.0"
    assert [alias.name for alias in version.aliases.all()] == ["latest"]


def test_parent_left_behind_is_named_and_found_again_in_the_next_bundle(story, wipe, tmp_path):
    path, again = tmp_path / "child.zip", tmp_path / "again.zip"
    export_bundle([story[2]], path)
    wipe()
    imported = import_bundle(path)
    (note,) = imported.notes
    assert "its parent walker 1.0.0 is neither in the bundle nor here" in note
    version = ModelVersion.objects.get()
    assert version.parent is None
    export_bundle([version], again)
    assert again.read_bytes() == path.read_bytes()


def test_parent_in_another_model_is_found_where_it_is_visible(
    story, register, model, instructor, classroom, wipe, tmp_path
):
    other = ensure_model("runner", "town", instructor, classroom)
    register(model=other, seed=9, parent=story[0])
    both = tmp_path / "both.zip"
    export_bundle([model, other], both)
    wipe()
    import_bundle(both, rename={"walker": "stroller"})
    assert ModelVersion.objects.get(model=RegisteredModel.objects.get(name="runner")).parent == (
        ModelVersion.objects.get(model__name="stroller", minor=0)
    )


def test_run_is_named_by_its_version_and_by_a_copy_of_it(register, model, tmp_path):
    run_id = uuid.uuid4()
    register(run_id=run_id)
    path = tmp_path / "run.zip"
    export_bundle([model], path)
    import_bundle(path, rename={"walker": "runner"})
    assert ModelVersion.objects.get(model__name="runner").run_id == run_id
    assert not import_bundle(path, rename={"walker": "runner"}).changed


def test_deployed_version_is_staged_where_production_does_not_name_it(
    story, model, instructor, wipe, tmp_path
):
    from registry.aliases.services import move_alias
    from registry.versions import lifecycle

    lifecycle.move(story[0], "validated")
    move_alias(model, "production", story[0], instructor)
    one, whole = tmp_path / "one.zip", tmp_path / "whole.zip"
    export_bundle([story[0]], one)
    export_bundle([model], whole)
    wipe()
    import_bundle(one)
    assert ModelVersion.objects.get().card.status == "staged"
    wipe()
    import_bundle(whole)
    assert ModelVersion.objects.get(minor=0).card.status == "deployed"


def test_bundle_says_nothing_of_when_it_was_written(bundle):
    assert bundle.read_bytes()[:4] == b"PK\x03\x04"
    assert bundle.read_bytes()[10:14] == b"\x00\x00\x21\x00", "zip's first day"


def test_export_that_fails_leaves_no_file(story, model, tmp_path):
    from registry.artifacts.errors import ArtifactDamagedError
    from registry.artifacts.store import artifact_path

    artifact_path(story[1].artifact).write_bytes(b"damaged")
    path: Path = tmp_path / "broken.zip"
    with pytest.raises(ArtifactDamagedError):
        export_bundle([model], path)
    assert not path.exists()


def test_exports_stay_behind_as_nobody_vouches_for_them(register, model, wipe, tmp_path):
    """Another network could be put in their place; the check of the import makes them anew."""
    from registry.exports.models import Export, ExportFormat
    from registry.exports.services import ensure_export

    made = ensure_export(register(), ExportFormat.ONNX)
    path = tmp_path / "exports.zip"
    export_bundle([model], path)
    assert made.artifact_id not in str(entries_of(path))
    wipe()
    import_bundle(path)
    assert not Export.objects.exists()
    run_check(VersionCheck.objects.get().pk)
    assert set(Export.objects.values_list("format", flat=True)) == {"onnx", "torchscript"}


def test_run_of_an_imported_version_is_free_for_its_own_model(
    bundle, wipe, register, instructor, classroom
):
    """Whoever names somebody else's run in a bundle does not stand in its way."""
    run_id = uuid.uuid4()
    register(seed=5, run_id=run_id)
    model = RegisteredModel.objects.get()
    other = bundle.with_name("other.zip")
    export_bundle([model], other)
    import_bundle(other, user=instructor, classroom=classroom, rename={"walker": "evil"})
    mine = ensure_model("mine", "town", instructor, classroom)
    made = register(model=mine, seed=6, run_id=run_id)
    assert made.model == mine
    assert register(model=mine, seed=6, run_id=run_id) == made
    assert ModelVersion.objects.filter(run_id=run_id).count() == 3
