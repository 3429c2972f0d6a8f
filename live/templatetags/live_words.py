"""How pages spell what a run says: numbers, times, states."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template

from hamlet.systems import SYSTEMS
from training.models import Run, RunStatus, Wish

register = template.Library()

WISHES = {Wish.PAUSE: "pausing", Wish.CANCEL: "cancelling"}


@register.filter
def thousands(number: int | float | None) -> str:
    """1234567 -> 1,234,567"""
    return "–" if number is None else f"{number:,.0f}"


@register.filter
def short(number: Any) -> str:
    """Three significant digits, as the page's scripts write them."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return "–"
    size = abs(number)
    if size >= 1e6 or 0 < size < 1e-3:
        return re.sub(r"e([+-])0*", r"e\1", f"{number:.2e}")
    return f"{float(f'{number:.{4 if size >= 1000 else 3}g}'):g}" if size < 1e5 else f"{number:.0f}"


@register.filter
def in_words(name: str) -> str:
    """`epsilon_mean` -> Epsilon mean, `LuxuryBed` -> Luxury bed"""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ").lower()
    return spaced[:1].upper() + spaced[1:]


@register.filter
def status_words(run: Run) -> str:
    """What the run is doing; a wish that its worker has not met yet is told too."""
    if run.status == RunStatus.RUNNING and run.wish in WISHES:
        return WISHES[run.wish]
    return str(run.status)


@register.filter
def share_done(run: Run) -> str:
    """Progress from 0 to 1, for a bar."""
    return f"{min(1.0, run.done / run.total):.4f}" if run.total else "0"


@register.filter
def percent_done(run: Run) -> str:
    return f"{math.floor(100 * min(1.0, run.done / run.total)) if run.total else 0} %"


@register.filter
def moment(stamp: str | datetime | None) -> str:
    """A time of `run_snapshot` or a row, in UTC and to the minute."""
    if not stamp:
        return ""
    when = datetime.fromisoformat(stamp) if isinstance(stamp, str) else stamp
    return f"{when:%d %b %Y, %H:%M} UTC"


@register.filter
def system_title(run: Run) -> str:
    return SYSTEMS[run.system].title


@register.filter
def episode_word(run: Run) -> str:
    """What one episode of the run is called: episode, game."""
    return SYSTEMS[run.system].episode


@register.filter
def event_words(event: Mapping[str, Any]) -> str:
    """One line of what happened to a run."""
    if event["kind"] != "status":
        return event["text"]
    move = event["new_status"] if not event["old_status"] else f"now {event['new_status']}"
    return f"{move}: {event['text']}" if event["text"] else move
