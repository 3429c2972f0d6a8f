"""The days of the prediction log: one partition each, made ahead and dropped whole."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

TABLE = "registry_prediction"
NAME = re.compile(rf"{TABLE}_(\d{{4}})(\d{{2}})(\d{{2}})")
DAYS_AHEAD = 7
LOCK = 7_230_006  # any number that no other advisory lock uses
# Whoever reads the log for long must not make all writers wait behind us.
LOCK_TIMEOUT = "5s"


def today() -> date:
    return datetime.now(UTC).date()


def name_of(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def ensure_partition(day: date) -> bool:
    """Make the partition of a day. Returns: false if it was there.

    It is made beside the table and then attached, for which writers of other days need not wait.
    """
    name = name_of(day)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
            [_start_of(day), _start_of(day + timedelta(days=1))],
        )
    return True


def partitions() -> dict[date, str]:
    """The names of the partitions there are, by day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = %s::regclass",
            [TABLE],
        )
        names = [row[0] for row in cursor.fetchall()]
    found = {}
    for name in names:
        if match := NAME.fullmatch(name):
            found[date(*map(int, match.groups()))] = name
    return dict(sorted(found.items()))


def drop_partition(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name} is no partition of {TABLE}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute(f"DROP TABLE {name}")


def _start_of(day: date) -> str:
    return f"{day:%Y-%m-%d} 00:00:00+00"
