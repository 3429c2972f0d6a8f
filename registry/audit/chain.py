"""The chain of audit entries: appending to it, and finding out whether somebody changed it.

Each entry's hash covers what it says and the hash of the entry before. Whoever changes, removes
or puts in an entry has to write every later one anew; the head row and a sequence and hash noted
elsewhere (`manage.py verify` prints them, `--anchor` compares them) show that too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from registry.accounts.models import User
from registry.audit.models import AuditEntry, AuditHead
from registry.models import ModelVersion

CHAIN_LOCK = 0x48574155  # of PostgreSQL's advisory locks; no other part of the platform uses it
START = "0" * 64
MOST_FINDINGS = 100


def append(
    action: str,
    *,
    actor: User | AnonymousUser | None,
    kind: str,
    subject: str,
    classroom_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down what was done, in the transaction that does it.

    The chain is locked from here to the end of the transaction, so this comes last in it.

    Args:
        action: such as `alias.moved`; `registry.audit.actions` lists them.
        subject: what it was done to, by the name people know.
        details: plain, finite data.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        head, _ = AuditHead.objects.get_or_create(pk=1)
        known = actor is not None and actor.is_authenticated
        entry = AuditEntry(
            sequence=head.sequence + 1,
            happened_at=timezone.now(),
            actor_number=actor.pk if known else None,
            actor=actor.username if known else "",
            action=action,
            kind=kind,
            subject=subject[:200],
            classroom_number=classroom_id,
            details=as_kept(dict(details or {})),
            previous_hash=head.hash,
        )
        entry.hash = hash_of(entry)
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=1).update(sequence=entry.sequence, hash=entry.hash)
    return entry


def as_kept(details: Any) -> Any:
    """As PostgreSQL gives it back: large whole numbers as integers, no negative zero."""
    if isinstance(details, Mapping):
        return {key: as_kept(value) for key, value in details.items()}
    if isinstance(details, list | tuple):
        return [as_kept(value) for value in details]
    if isinstance(details, float) and (details == 0 or abs(details) >= 1e16):
        return int(details) if details else 0.0
    return details


def hash_of(entry: AuditEntry) -> str:
    """sha256 over everything an entry says and the hash before it."""
    said = [
        entry.sequence,
        # PostgreSQL keeps microseconds, as Python does.
        entry.happened_at.isoformat(timespec="microseconds"),
        entry.actor_number,
        entry.actor,
        entry.action,
        entry.kind,
        entry.subject,
        entry.classroom_number,
        entry.details,
        entry.previous_hash,
    ]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class ChainReport:
    """What a walk along the chain found. `head` is `sequence:hash`, to be noted elsewhere."""

    checked: int = 0
    head: str = ""
    findings: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.findings


def check_chain(
    anchor: str | None = None, on_checked: Callable[[int], None] = lambda count: None
) -> ChainReport:
    """Walk along the whole chain.

    Args:
        anchor: a head printed earlier, `sequence:hash`; the chain must still contain it.
        on_checked: told how many entries each step has checked.
    """
    report = ChainReport()
    # The newest entry before the head: others go on appending, and the head never lags behind.
    newest = AuditEntry.objects.aggregate(newest=Max("sequence"))["newest"] or 0
    head = AuditHead.objects.filter(pk=1).first() or AuditHead(sequence=0, hash=START)
    if newest > head.sequence:
        report.findings.append(f"entry {newest} stands behind the head, {head.sequence}")
    wanted, _, wanted_hash = (anchor or f"0:{START}").partition(":")
    anchored = wanted == "0" and wanted_hash == START
    expected, hashed = 1, START
    entries = AuditEntry.objects.filter(sequence__lte=head.sequence).order_by("sequence")
    for entry in entries.iterator(chunk_size=1000):
        report.findings += faults(entry, expected, hashed)
        expected, hashed = entry.sequence + 1, entry.hash
        anchored = anchored or (str(entry.sequence), entry.hash) == (wanted, wanted_hash)
        report.checked += 1
        on_checked(1)
        if len(report.findings) >= MOST_FINDINGS:
            break
    else:
        report.findings += head_faults(head, expected - 1, hashed)
    if not head.sequence and ModelVersion.objects.exists():
        report.findings.append("the chain is empty, though there are versions: it was removed")
    if not anchored:
        report.findings.append(f"the chain does not contain {anchor}, which was its head once")
    report.head = f"{expected - 1}:{hashed}"
    return report


def faults(entry: AuditEntry, expected: int, previous_hash: str) -> Iterator[str]:
    if entry.sequence != expected:
        yield f"found entry {entry.sequence} where {expected} is expected: entries are missing"
    elif entry.previous_hash != previous_hash:
        yield f"entry {entry.sequence} does not follow the entry before it"
    if hash_of(entry) != entry.hash:
        yield f"entry {entry.sequence} says something else than when it was written"


def head_faults(head: AuditHead, last: int, hashed: str) -> Iterator[str]:
    if head.sequence != last or head.hash != hashed:
        yield (
            f"the chain ends with entry {last}, its head names {head.sequence}: "
            "entries at the end are missing"
        )
