"""How much of a core each part of the platform takes, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Part of the platform -> what its command line holds.
PARTS = {
    "web server": "daphne",
    "training worker": "training@",
    "PostgreSQL": "postgres",
    "Valkey": "valkey",
}


def descendants(pid: int) -> list[int]:
    """All processes below `pid`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(int(entry.name))):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def stat_fields(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the name; empty once the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pid: int) -> dict[str, float]:
    """CPU seconds so far of each part below `pid`, by name; exited processes do not count."""
    totals = dict.fromkeys(PARTS, 0.0)
    for child in descendants(pid):
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        part = next((name for name, sign in PARTS.items() if sign in command), None)
        fields = stat_fields(child)
        if part and fields:
            totals[part] += (int(fields[11]) + int(fields[12])) / TICKS
    return totals


class CoreMeter:
    """Cores in use on average since it was made."""

    def __init__(self, pid: int) -> None:
        self._pid, self._before, self._began = pid, cpu_seconds(pid), time.monotonic()

    def read(self) -> dict[str, float]:
        elapsed = time.monotonic() - self._began
        now = cpu_seconds(self._pid)
        return {name: (now[name] - self._before[name]) / elapsed for name in PARTS}
