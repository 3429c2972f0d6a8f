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


def processes_of(pid: int, sign: str) -> list[int]:
    """Processes below `pid` whose command line holds `sign`, oldest first."""
    found = []
    for child in sorted(descendants(pid)):
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if sign in command:
            found.append(child)
    return found


def cpu_seconds(pid: int) -> float:
    """CPU seconds of one process so far; 0 once it is gone."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def cpu_seconds_of_parts(pid: int) -> dict[str, float]:
    """CPU seconds so far of each part below `pid`; processes that ended do not count."""
    return {name: sum(map(cpu_seconds, processes_of(pid, sign))) for name, sign in PARTS.items()}


class CoreMeter:
    """Cores in use on average since it was made."""

    def __init__(self, pid: int) -> None:
        self._pid, self._before, self._began = pid, cpu_seconds_of_parts(pid), time.monotonic()

    def read(self) -> dict[str, float]:
        elapsed = time.monotonic() - self._began
        now = cpu_seconds_of_parts(self._pid)
        return {name: (now[name] - self._before[name]) / elapsed for name in PARTS}
