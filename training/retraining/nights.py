"""When a night begins: at a time of day, in the time zone of the server.

A night is called by the day on which it begins. It lasts until the next one, so a server that
slept at its beginning makes up for it when it wakes up.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.conf import settings

DAY = timedelta(days=1)


def night_of(moment: datetime) -> date:
    """The night that began last. Args: moment: with a time zone."""
    local = moment.astimezone(settings.RETRAIN_ZONE)
    return local.date() if local.time() >= settings.RETRAIN_AT else local.date() - DAY


def beginning_of(night: date) -> datetime:
    """A time that the clock leaves out, where summer begins, is the moment after the gap."""
    return datetime.combine(night, settings.RETRAIN_AT, tzinfo=settings.RETRAIN_ZONE)


def next_beginning(moment: datetime) -> datetime:
    """When the next night begins."""
    return beginning_of(night_of(moment) + DAY)
