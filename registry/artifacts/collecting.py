"""What lies in the store and nobody needs any more: found and removed once a day.

Crashes leave it behind, not the daily work: retention removes what it drops by itself. Doing this
twice, or at the same time from two places, removes nothing more than once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from registry.artifacts import audit, databases, disk, store

logger = logging.getLogger(__name__)

UNTOUCHED_FOR = timedelta(hours=24)
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Collected:
    """How many were removed of each kind."""

    temporary: int
    unused: int
    stray: int


def collect(untouched_for: timedelta = UNTOUCHED_FOR) -> Collected:
    """Remove temporary files, rows that nothing points at, and files without a row.

    Args:
        untouched_for: whatever is younger may still be on its way into use.
    """
    return Collected(
        temporary=disk.clean_abandoned(untouched_for),
        unused=discard_unused(untouched_for),
        stray=remove_strays(untouched_for),
    )


def remove_strays(untouched_for: timedelta) -> int:
    """None in a store that other databases have used, since those files may have rows there."""
    if others := databases.others():
        logger.warning(
            "files without a row stay in %s: other databases have stored files there as well. "
            "Give each a folder of its own; if they are gone for good, remove databases/%s there.",
            disk.root(),
            ", databases/".join(others),
        )
        return 0
    return sum(store.remove_stray(finding.what) for finding in audit.stray_files(untouched_for))


def discard_unused(untouched_for: timedelta) -> int:
    digests = list(audit.unused(untouched_for).values_list("sha256", flat=True))
    batches = (digests[at : at + ROWS_AT_ONCE] for at in range(0, len(digests), ROWS_AT_ONCE))
    return sum(
        len(store.discard_unreferenced(batch, untouched_for=untouched_for)) for batch in batches
    )
