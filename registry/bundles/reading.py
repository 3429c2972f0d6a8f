"""Take a bundle in: check all of it, store its files, then write all rows in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from registry.accounts.models import Classroom, User
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.artifacts.store import discard_unreferenced, store_file
from registry.bundles.archive import Archive
from registry.bundles.errors import BundleConflictError, BundleError
from registry.bundles.manifest import read_manifest, used_files
from registry.bundles.planning import ModelPlan, make_plans
from registry.bundles.readers import spelt
from registry.bundles.restoring import Imported, Member, Restorer, family_order
from registry.versions.services import brain_hash, layout_hash
from registry.versions.uploading import a_place

OnRead = Callable[[int], None]


def read_bundle(
    path: Path,
    *,
    user: User | None = None,
    classroom: Classroom | None = None,
    rename: Mapping[str, str] | None = None,
    on_read: OnRead = lambda size_bytes: None,
) -> Imported:
    """Restore the models of a bundle, with the numbers, hashes and times they had.

    The same bundle again changes nothing. After any refusal nothing has changed.

    Args:
        user: owns what is made; None for the operator of the machine.
        rename: names that models get here, by those they have in the bundle.
        on_read: told how many bytes of files were read.
    Raises: BundleError; SpecError naming every fault of the manifest; BundleConflictError;
        FileRejectedError for a file that is not what the manifest says; ArtifactTooLargeError.
    """
    with Archive(path) as archive:
        manifest = read_manifest(archive.manifest(), archive.digests)
        order = family_order(manifest)
        plans = make_plans(manifest, user, classroom, rename or {})
        needed = wanted_files(plans)
        with contextlib.ExitStack() as cleanup:
            files = {}
            for digest in archive.digests:
                target = _temporary(cleanup) if digest in needed else None
                archive.extract(digest, target, on_read)
                if target is not None:
                    files[digest] = target
            check_files(plans, files)
            return _keep(
                manifest, files, order, user=user, classroom=classroom, rename=rename or {}
            )


def _temporary(cleanup: contextlib.ExitStack) -> Path:
    path = disk.temporary_path()
    cleanup.callback(path.unlink, missing_ok=True)
    return path


def wanted_files(plans: list[ModelPlan]) -> set[str]:
    parts = {"models": [{"versions": plan.missing} for plan in plans]}
    return {digest for digest, _ in used_files(parts)}


def check_files(plans: list[ModelPlan], files: Mapping[str, Path]) -> None:
    """Look into every file that would be kept.

    Raises: BundleError, FileRejectedError; BusyError if too many files are looked into already.
    """
    if not files:
        return
    with a_place():
        _look_into(plans, files)


def _look_into(plans: list[ModelPlan], files: Mapping[str, Path]) -> None:
    from registry.versions.inspecting import inspect_file

    seen: dict[str, dict[str, Any]] = {}
    for name, version in ((plan.name, version) for plan in plans for version in plan.missing):
        named = f"{name} {spelt(version['number'])}"
        digest = version["sha256"]
        if digest not in seen:
            found = inspect_file(files[digest], expect=version["format"], name=named)
            seen[digest] = found.signature
        _check_signature(version, seen[digest], named)


def _check_signature(version: dict[str, Any], signature: dict[str, Any], name: str) -> None:
    told = (version["signature"], version["brain_spec_hash"], version["layout_hash"])
    if told != (signature, brain_hash(signature), layout_hash(signature)):
        raise BundleError(
            f"{name}: the manifest's signature or hashes are not those of the file "
            f"{version['sha256'][:12]}. The bundle was put together wrongly or changed."
        )


def _keep(
    manifest: dict[str, Any],
    files: Mapping[str, Path],
    order: list[Member],
    *,
    user: User | None,
    classroom: Classroom | None,
    rename: Mapping[str, str],
) -> Imported:
    stored: dict[str, Artifact] = {}
    try:
        for digest, path in files.items():
            media_type = manifest["files"][digest]["media_type"]
            stored[digest] = store_file(path, media_type, move=True)
        with transaction.atomic():
            # Once more, now that nobody else can change these models meanwhile.
            plans = make_plans(manifest, user, classroom, rename, locked=True)
            _check_all_stored(plans, stored)
            return Restorer(plans, stored, user, classroom).restore(order)
    except IntegrityError as error:
        discard_unreferenced(stored)
        raise BundleConflictError(
            "Somebody else made something of the same name in this moment. Import it again."
        ) from error
    except BaseException:
        discard_unreferenced(stored)
        raise


def _check_all_stored(plans: list[ModelPlan], stored: Mapping[str, Artifact]) -> None:
    if wanted_files(plans) - stored.keys():
        raise BundleConflictError(
            "A version that was here was deleted while the bundle was read. Import it again."
        )
