"""How long the log of predictions stays. The daily task calls both functions."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings

from registry.serving.log.partitions import (
    DAYS_AHEAD,
    drop_partition,
    ensure_partition,
    partitions,
    today,
)


def make_partitions(first: date | None = None, days: int = DAYS_AHEAD) -> list[date]:
    """Make room for the coming days, so that no writer has to.

    Returns: the days that had no partition yet.
    """
    first = first or today()
    wanted = [first + timedelta(days=number) for number in range(days + 1)]
    return [day for day in wanted if ensure_partition(day)]


def drop_old_partitions(days: int | None = None) -> list[date]:
    """Forget the days before the last `days`, HAMLET_PREDICTION_DAYS if None; 0 keeps all.

    Returns: the days that were dropped.
    """
    days = settings.PREDICTION_DAYS if days is None else days
    if days <= 0:
        return []
    oldest = today() - timedelta(days=days)
    dropped = []
    for day, name in partitions().items():
        if day < oldest:
            drop_partition(name)
            dropped.append(day)
    return dropped
