"""Turns of watching: how fast the run trained, how late episodes were, who used the cores."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.streaming.browser import BrowserWatcher
from benchmarks.streaming.site import Site, ended_at
from benchmarks.streaming.usage import CoreMeter
from benchmarks.streaming.watchers import Watchers

SETTLE_S = 1.5  # connecting and leaving are not watching


@dataclass(frozen=True)
class Crowd:
    """Who watches during one turn."""

    name: str
    plain: int
    browser: bool = False


@dataclass
class Turn:
    """One turn, by epoch seconds; what was seen between `began` and `ended`."""

    crowd: Crowd
    began: float
    ended: float
    cores: dict[str, float]
    received: list[float] = field(default_factory=list)  # seconds, over all plain clients
    drawn: list[dict[str, Any]] = field(default_factory=list)  # the browser's timings
    gaps: int = 0


def take_turn(site: Site, run: str, cookie: str, crowd: Crowd, seconds: float) -> Turn:
    """Let a crowd watch a run for so long."""
    socket = f"{site.url.replace('http://', 'ws://')}/ws/runs/{run}/"
    limit_s = seconds + 2 * SETTLE_S + 120
    with ExitStack() as stack:
        watchers = stack.enter_context(Watchers(socket, cookie, crowd.plain, limit_s=limit_s))
        browser = None
        if crowd.browser:
            browser = stack.enter_context(BrowserWatcher(site.url, f"/runs/{run}/", cookie))
        time.sleep(SETTLE_S)
        meter, began = CoreMeter(site.pid), time.time()
        if browser:
            browser.watch_for(seconds)
        else:
            time.sleep(seconds)
        ended, cores = time.time(), meter.read()
        time.sleep(SETTLE_S)  # what ended in time may arrive after it
        timings = browser.timings() if browser else []
    turn = Turn(crowd, began, ended, cores, gaps=watchers.result["gaps"])
    turn.received = within(watchers.result["begun"], began, ended)
    turn.drawn = [timing for timing in timings if began <= timing["ended_at"] <= ended]
    return turn


def within(delays: list[tuple[float, float]], began: float, ended: float) -> list[float]:
    """Delays of the episodes that ended between two moments; others belong to another turn.

    Args: delays: (moment of receipt, seconds since the episode's end).
    """
    return [delay for at, delay in delays if began <= at - delay <= ended]


def speed(turn: Turn, episodes: list[dict[str, Any]]) -> float:
    """Environment steps per second, from the first to the last episode that ended in the turn."""
    inside = [episode for episode in episodes if turn.began <= ended_at(episode) <= turn.ended]
    if len(inside) < 2:
        raise SystemExit(
            f"only {len(inside)} episodes ended in {turn.ended - turn.began:.0f} s; "
            "ask for longer turns with --seconds"
        )
    first, last = inside[0], inside[-1]
    steps = last["summary"]["env_steps"] - first["summary"]["env_steps"]
    return steps / (ended_at(last) - ended_at(first))
