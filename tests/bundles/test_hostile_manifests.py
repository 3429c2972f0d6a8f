"""Manifests that lie: each is refused with a reason that says where, and nothing is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hamlet.errors import SpecError
from registry.artifacts.disk import root, stored_files
from registry.bundles.errors import BundleConflictError, BundleError
from registry.bundles.services import export_bundle, import_bundle
from registry.models import Artifact, RegisteredModel
from registry.services import ensure_model
from tests.bundles.forging import with_manifest
from tests.registry.checkpoints import WIDER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


@pytest.fixture
def honest(register, model, wipe, tmp_path: Path) -> Path:
    """Two versions, the second a child of the first, from a server that is no more."""
    first = register()
    register(seed=1, parent=first)
    path = tmp_path / "honest.zip"
    export_bundle([model], path)
    wipe()
    return path


@pytest.fixture
def lie(honest: Path, tmp_path: Path) -> Callable[..., str]:
    """`lie(change)`: import the bundle with a changed manifest. Returns: why it was refused."""

    def check(change: Callable[[Any], Any], error: type[Exception] = SpecError) -> str:
        path = with_manifest(honest, tmp_path / "lie.zip", change)
        with pytest.raises(error) as caught:
            import_bundle(path)
        assert not RegisteredModel.objects.exists()
        assert not Artifact.objects.exists()
        assert not list(stored_files())
        assert not list((root() / "tmp").glob("*"))
        return str(caught.value)

    return check


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


VERSION = ("models", 0, "versions", 0)
MOVE = ("models", 0, "alias_moves", 0)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("format",), "hamlet-bundle-2", "manifest.format"),
        (("surprise",), 1, "unknown field"),
        (("models", 0, "surprise"), 1, "unknown field"),
        ((*VERSION, "surprise"), 1, "unknown field"),
        (("models",), [], "expected 1 to 1000"),
        (("models", 0, "name"), "../../etc", "manifest.models[0].name"),
        (("models", 0, "name"), "brains", "kept for a page"),
        (("models", 0, "name"), "a" * 4096, "manifest.models[0].name"),
        (("models", 0, "system"), "chess", "expected one of"),
        (("models", 0, "tags"), {"a b": "x"}, "expected a tag"),
        (("models", 0, "tags"), {"a": 1}, "expected a text"),
        (("models", 0, "description"), "x" * 10_001, "at most 10000 characters"),
        (("models", 0, "created_at"), "yesterday", "expected a time"),
        (("models", 0, "created_at"), "2026-01-01T00:00:00", "with its zone"),
        (("models", 0, "created_at"), "2026-13-41T00:00:00+00:00", "expected a time"),
        (("models", 0, "created_at"), "9999-01-01T00:00:00+00:00", "has not come yet"),
        ((*VERSION, "number"), "1.0", "expected a number such as 1.0.0"),
        ((*VERSION, "number"), "01.0.0", "expected a number such as 1.0.0"),
        ((*VERSION, "number"), "1.0.2147483648", "expected a number such as 1.0.0"),
        ((*VERSION, "number"), "-1.0.0", "expected a number such as 1.0.0"),
        ((*VERSION, "number"), "1.0.1", "a number stands twice"),
        ((*VERSION, "sha256"), "0" * 64, "missing; a version names it"),
        ((*VERSION, "sha256"), "../" + "0" * 61, "64 hexadecimal digits"),
        ((*VERSION, "format"), "pickle", "expected one of"),
        ((*VERSION, "run_id"), "not-a-run", "the id of a run"),
        ((*VERSION, "signature"), [], "expected a mapping"),
        ((*VERSION, "card", "status"), "famous", "expected one of"),
        ((*VERSION, "exports"), [{"format": "onnx"}], "unknown field"),
        ((*MOVE, "old_number"), "1.0.1", "does not begin where"),
        ((*MOVE, "new_number"), "7.0.0", "does not begin where"),
        ((*MOVE, "moved_at"), "2999-01-01T00:00:00+00:00", "has not come yet"),
        (("models", 0, "aliases", 0, "number"), "1.0.0", "do not stand where"),
        (("models", 0, "aliases", 0, "name"), "0wrong", "beginning with a letter"),
        (("models", 0, "aliases"), [], "do not stand where"),
        (("models", 0, "whole"), False, "carries no aliases"),
    ],
)
def test_every_lie_is_refused_by_its_place(lie, path, value, reason):
    assert reason in lie(put(*path, value=value))


def test_sizes_and_files_of_the_manifest_must_be_those_of_the_archive(lie):
    def resize(data):
        next(iter(data["files"].values()))["size_bytes"] += 1

    assert "the manifest says" in lie(resize)
    assert "the archive does not have it" in lie(
        put("files", "a" * 64, value={"size_bytes": 1, "media_type": "x"})
    )
    assert "missing; a version names it" in lie(put("files", value={}))


def test_signature_and_hashes_must_be_those_of_the_file(lie):
    def other_names(data):
        data["models"][0]["versions"][0]["signature"]["action_names"] = ["JUMP"]

    assert "not those of the file" in lie(other_names, BundleError)
    for key in ("brain_spec_hash", "layout_hash"):
        change = put(*VERSION, key, value="sha256:" + "0" * 64)
        assert "not those of the file" in lie(change, BundleError)


def test_family_that_descends_from_itself_is_refused(lie):
    def circle(data):
        first, second = data["models"][0]["versions"]
        first["parent"] = {"model": "walker", "number": "1.0.1", "sha256": second["sha256"]}

    assert "descends from itself" in lie(circle, BundleError)


def test_parent_must_be_the_version_that_has_its_number(lie):
    def stranger(data):
        data["models"][0]["versions"][1]["parent"]["sha256"] = "0" * 64

    assert "parent.sha256" in lie(stranger)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Not valid JSON"),
        (b"\xff\xfe", "Not UTF-8"),
        (b"[" * 10_000 + b"]" * 10_000, "nested deeper"),
        (b'{"a": ' * 10_000 + b"1" + b"}" * 10_000, "nested deeper"),
        (b'{"format": 1, "format": 2}', "twice"),
        (b'{"format": NaN}', "finite"),
        (b'{"format": 1e999}', "finite"),
        (b'{"format": "\\u0000"}', "NUL"),
        (b'{"format": "\\ud800"}', "surrogate"),
        (b'"' + b"x" * 10_000_000 + b'"', "at most"),
    ],
)
def test_manifest_that_is_no_strict_json_is_refused(lie, content, reason):
    began = time.perf_counter()
    assert reason in lie(lambda data: content, BundleError)
    assert time.perf_counter() - began < 3


def test_manifest_of_many_faults_names_a_hundred_at_most(lie):
    def many(data):
        data["files"] |= {f"{n:064x}": {"size_bytes": 1, "media_type": ""} for n in range(5000)}

    assert len(lie(many).splitlines()) <= 100


def test_names_of_python_mean_nothing(lie):
    for key in ("__class__", "__reduce__", "py/object"):
        assert "unknown field" in lie(put("models", 0, key, value="os.system"))


# -- what is here already ----------------------------------------------------------------------


def test_same_number_with_another_file_is_refused(register, model, honest, instructor, classroom):
    ours = ensure_model("walker", "town", instructor, classroom)
    register(model=ours, seed=5)
    with pytest.raises(BundleConflictError, match=r"walker 1\.0\.0 is the file"):
        import_bundle(honest)
    assert ours.versions.count() == 1


def test_same_file_with_another_origin_is_refused(register, honest, tmp_path):
    import_bundle(honest)
    path = with_manifest(
        honest, tmp_path / "x.zip", put(*VERSION, "lineage", value={"level": "L9"})
    )
    with pytest.raises(BundleConflictError, match="with another lineage"):
        import_bundle(path)


def test_histories_that_parted_are_refused(honest, instructor, tmp_path, register):
    import_bundle(honest)
    model = RegisteredModel.objects.get()
    register(model=model, seed=9, brain=WIDER)
    moves = model.alias_moves.count()

    def other_move(data):
        move = dict(data["models"][0]["alias_moves"][-1])
        move |= {"old_number": move["new_number"], "new_number": "1.0.0", "reason": "elsewhere"}
        data["models"][0]["alias_moves"].append(move)
        data["models"][0]["aliases"][0]["number"] = "1.0.0"

    path = with_manifest(honest, tmp_path / "parted.zip", other_move)
    with pytest.raises(BundleConflictError, match="have moved otherwise here"):
        import_bundle(path)
    assert model.alias_moves.count() == moves


def test_name_of_somebody_elses_model_is_refused_without_saying_whose(
    honest, instructor, admin, classroom
):
    from registry.accounts.models import Role
    from tests.running.people import make_classroom, make_person

    import_bundle(honest, user=instructor, classroom=classroom)
    other = make_person("other", Role.INSTRUCTOR, make_classroom("Elsewhere"))
    with pytest.raises(BundleConflictError, match="name walker is taken"):
        import_bundle(honest, user=other)


def test_other_system_or_class_is_refused(honest, instructor, classroom, admin):
    from tests.running.people import make_classroom

    import_bundle(honest, user=instructor, classroom=classroom)
    with pytest.raises(BundleConflictError, match="belongs to the class"):
        import_bundle(honest, user=admin, classroom=make_classroom("Elsewhere"))


def test_rename_must_fit_the_bundle(honest):
    with pytest.raises(BundleConflictError, match="has no model 'runner'"):
        import_bundle(honest, rename={"runner": "x"})


def test_renamed_model_needs_a_name_that_can_stand_in_an_address(honest):
    with pytest.raises(SpecError, match="beginning with a letter or digit"):
        import_bundle(honest, rename={"walker": "../x"})
    assert json.dumps([model.name for model in RegisteredModel.objects.all()]) == "[]"
