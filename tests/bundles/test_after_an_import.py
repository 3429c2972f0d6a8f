"""What an import leaves for this server to do, to number and to refuse."""

from __future__ import annotations

import pytest

from registry.aliases.services import protect_alias, remove_alias
from registry.bundles.errors import BundleConflictError
from registry.bundles.services import export_bundle, import_bundle
from registry.deleting.queries import preview
from registry.deleting.services import delete_model, delete_version
from registry.models import ModelVersion, RegisteredModel
from registry.services import ensure_model
from tests.bundles.forging import with_manifest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def test_what_comes_from_elsewhere_is_checked_here(bundle, wipe):
    wipe()
    import_bundle(bundle)
    waiting = ModelVersion.objects.filter(checks__ended_at=None, checks__isnull=False)
    assert {version.number for version in waiting} == {"1.0.0", "1.1.0", "1.2.0"}


def test_number_that_came_with_a_bundle_is_taken(bundle, wipe, register, instructor, classroom):
    wipe()
    import_bundle(bundle, user=instructor, classroom=classroom)
    model = RegisteredModel.objects.get()
    assert model.highest_number == "1.2.0"
    last = model.versions.get(minor=2)
    protect_alias(model, "best", False)
    remove_alias(model, "best")
    delete_version(last, token=preview(last).token)
    again = register(model=model, seed=9)
    assert again.minor == 3


def test_bundle_of_a_new_model_of_that_name_knows_nothing_of_the_old_one(
    bundle, wipe, model, register, instructor, classroom, tmp_path
):
    wipe()
    import_bundle(bundle, user=instructor, classroom=classroom)
    old = RegisteredModel.objects.get()
    protect_alias(old, "best", False)
    delete_model(old, token=preview(old).token)
    new = ensure_model("walker", "town", instructor, classroom)
    register(model=new)
    manifest = export_bundle([new], tmp_path / "new.zip")
    assert manifest["models"][0]["versions"][0]["registered_by"] is None


@pytest.mark.parametrize(("status", "alias"), [("archived", "best"), ("registered", "production")])
def test_alias_that_nobody_could_have_moved_there_is_refused(bundle, wipe, tmp_path, status, alias):
    def change(data) -> None:
        (found,) = data["models"]
        place = next(at for at in found["aliases"] if at["name"] == "best")
        for version in found["versions"]:
            if version["number"] == place["number"]:
                version["card"]["status"] = status
        place["name"] = alias
        for move in found["alias_moves"]:
            move["name"] = alias if move["name"] == "best" else move["name"]

    forged = with_manifest(bundle, tmp_path / "forged.zip", change)
    wipe()
    with pytest.raises(BundleConflictError, match=f"{alias} would name walker 1.2.0.*{status}"):
        import_bundle(forged)
    assert not RegisteredModel.objects.exists()
