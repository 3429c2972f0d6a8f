"""Compare every row of the store with its file, and every file with its row."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from registry.artifacts import disk, store
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.models import Artifact

# A file this young may be one whose row is about to be written.
SETTLED_AFTER = timedelta(minutes=10)
FILES_AT_ONCE = 500
DIGEST = re.compile(r"[0-9a-f]{64}")


class Fault(StrEnum):
    MISSING = "missing"  # a row without its file
    DAMAGED = "damaged"  # a file that is not what was stored
    STRAY = "stray"  # a file without a row
    UNUSED = "unused"  # a row and file that nothing points at


HARMFUL = (Fault.MISSING, Fault.DAMAGED)


@dataclass(frozen=True)
class Finding:
    fault: Fault
    what: str
    detail: str


@dataclass
class Report:
    checked: int = 0
    checked_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, fault: Fault) -> int:
        return sum(finding.fault == fault for finding in self.findings)

    @property
    def is_whole(self) -> bool:
        """True where everything that a row promises is there."""
        return not any(self.count(fault) for fault in HARMFUL)


def audit(on_checked: Callable[[int], None] = lambda size_bytes: None) -> Report:
    """Read every stored file.

    Args:
        on_checked: told the size of each file once it is checked.
    """
    report = Report()
    for artifact in Artifact.objects.order_by("sha256").iterator(chunk_size=500):
        if finding := check(artifact):
            report.findings.append(finding)
        report.checked += 1
        report.checked_bytes += artifact.size_bytes
        on_checked(artifact.size_bytes)
    report.findings += stray_files()
    report.findings += [
        Finding(
            Fault.UNUSED, artifact.sha256, f"{artifact.size_bytes} bytes, {artifact.media_type}"
        )
        for artifact in unused().iterator()
    ]
    return report


def check(artifact: Artifact) -> Finding | None:
    try:
        store.artifact_path(artifact, verify=True)
    except ArtifactDamagedError as error:
        if not Artifact.objects.filter(pk=artifact.pk).exists():
            return None  # retention removed it in this moment
        there = disk.path_of(artifact.sha256).exists()
        return Finding(Fault.DAMAGED if there else Fault.MISSING, artifact.sha256, str(error))
    return None


def stray_files(settled_after: timedelta = SETTLED_AFTER) -> Iterator[Finding]:
    """Files that no row names, and that have lain there for so long."""
    settled = time.time() - settled_after.total_seconds()
    for paths in batched(disk.stored_files(), FILES_AT_ONCE):
        names = [path.name for path in paths if DIGEST.fullmatch(path.name)]
        known = set(Artifact.objects.filter(sha256__in=names).values_list("sha256", flat=True))
        for path in paths:
            if path.name in known and path == disk.path_of(path.name):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # retention removed it in this moment
            if status.st_mtime <= settled:
                yield Finding(Fault.STRAY, str(path), f"{status.st_size} bytes")


def batched(paths: Iterator[Path], size: int) -> Iterator[list[Path]]:
    while batch := list(itertools.islice(paths, size)):
        yield batch


def unused(settled_after: timedelta = SETTLED_AFTER) -> QuerySet[Artifact]:
    """Rows that no other row points at, whichever app the other row belongs to."""
    used = Q()
    for relation in Artifact._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and relation.is_relation):
            continue
        pointing = relation.related_model._base_manager.filter(
            **{relation.field.name: OuterRef("pk")}
        )
        used |= Q(Exists(pointing))
    settled = timezone.now() - settled_after
    return Artifact.objects.filter(~used, created_at__lt=settled).order_by("sha256")


def discard(report: Report) -> int:
    """Remove what the report found to be stray or unused. Returns: how many files."""
    unused_digests = [f.what for f in report.findings if f.fault == Fault.UNUSED]
    removed = len(store.discard_unreferenced(unused_digests, untouched_for=SETTLED_AFTER))
    for finding in report.findings:
        if finding.fault == Fault.STRAY and store.remove_stray(finding.what):
            removed += 1
    return removed
