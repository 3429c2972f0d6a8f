"""Compare every row of the store with its file, and every file with its row."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from registry.artifacts import store
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.models import Artifact

# A file this young may be one whose row is about to be written.
SETTLED_AFTER = timedelta(minutes=10)
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
        there = store.path_of(artifact.sha256).exists()
        return Finding(Fault.DAMAGED if there else Fault.MISSING, artifact.sha256, str(error))
    return None


def stray_files() -> Iterator[Finding]:
    settled = time.time() - SETTLED_AFTER.total_seconds()
    for path in store.stored_files():
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # retention removed it in this moment
        if status.st_mtime > settled:
            continue
        in_place = DIGEST.fullmatch(path.name) and path == store.path_of(path.name)
        if not in_place or not Artifact.objects.filter(sha256=path.name).exists():
            yield Finding(Fault.STRAY, str(path), f"{status.st_size} bytes")


def unused() -> QuerySet[Artifact]:
    """Rows that no other row points at, whichever app the other row belongs to."""
    used = Q()
    for relation in Artifact._meta.related_objects:
        pointing = relation.related_model._base_manager.filter(
            **{relation.field.name: OuterRef("pk")}
        )
        used |= Q(Exists(pointing))
    settled = timezone.now() - SETTLED_AFTER
    return Artifact.objects.filter(~used, created_at__lt=settled).order_by("sha256")


def discard(report: Report) -> int:
    """Remove what the report found to be stray or unused. Returns: how many files."""
    unused_digests = [f.what for f in report.findings if f.fault == Fault.UNUSED]
    removed = len(store.discard_unreferenced(unused_digests))
    for finding in report.findings:
        if finding.fault == Fault.STRAY and store.remove_stray(finding.what):
            removed += 1
    return removed
