"""What a version says of itself, as one hash that stands in the audit log from its first day.

The database refuses to change the row of a version. Whoever goes around that changes a row whose
seal is part of the chain of hashes, and `manage.py verify` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hamlet.schema import content_hash
from registry.audit import actions
from registry.audit.models import AuditEntry
from registry.models import ModelVersion
from registry.names import subject_of


def seal_of(version: ModelVersion) -> str:
    """Over all that never changes, as the database gives it back. A parent may be deleted."""
    kept = ModelVersion.objects.get(pk=version.pk)
    return _hash(kept)


def broken_seals(on_checked: Callable[[int], None] = lambda count: None) -> Iterator[str]:
    """Versions that say something else than when they were registered or imported.

    Args: on_checked: told how many versions each step has looked at.
    """
    noted = noted_seals()
    for version in ModelVersion.objects.select_related("model").iterator(chunk_size=500):
        subject = subject_of(version)
        if subject in noted and noted[subject] != _hash(version):
            yield f"{subject} says something else than when it was registered"
        on_checked(1)


def noted_seals() -> dict[str, str]:
    """By the names that versions have in the audit log; the last entry counts."""
    found: dict[str, str] = {}
    entries = AuditEntry.objects.filter(
        action__in=(actions.VERSION_REGISTERED, actions.BUNDLE_IMPORTED)
    )
    said = entries.order_by("sequence").values_list("action", "subject", "details")
    for action, subject, details in said.iterator(chunk_size=1000):
        if action == actions.VERSION_REGISTERED:
            seals = {subject: details.get("seal", "")}
        else:
            seals = {
                f"{subject}/{number}": seal for number, seal in details.get("seals", {}).items()
            }
        found |= {name: seal for name, seal in seals.items() if seal}
    return found


def _hash(version: ModelVersion) -> str:
    said = [
        version.number,
        version.format,
        version.artifact_id,
        version.signature,
        version.brain_spec_hash,
        version.layout_hash,
        str(version.run_id),
        version.lineage,
        version.parameters,
        version.metrics,
        version.created_at.isoformat(timespec="microseconds"),
    ]
    return content_hash(said)
