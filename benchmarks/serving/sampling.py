"""Counting where a process spends its time, without slowing it down but by the counting.

A timer of CPU time interrupts the main thread every millisecond and notes its stack. What C code
does is counted where it was called from. Every thread's own CPU time comes from the kernel.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import orjson

EVERY_S = 0.001
BEGIN, END = "/-/sampling/begin", "/-/sampling/end"
DEEPEST = 30
SEPARATOR = "|"

stacks: Counter[str] = Counter()
before: dict[str, float] = {}


def begin() -> bytes:
    stacks.clear()
    before.update(thread_seconds())
    signal.signal(signal.SIGPROF, note)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    return b"{}"


def end() -> bytes:
    """Returns: JSON with how often each stack was met, and CPU seconds of each thread."""
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    threads = {name: now - before.get(name, 0.0) for name, now in thread_seconds().items()}
    return orjson.dumps({"stacks": dict(stacks), "threads": threads})


def note(number: int, frame: FrameType | None) -> None:
    """Innermost frame first, each as `file:function`."""
    found: list[str] = []
    while frame is not None and len(found) < DEEPEST:
        found.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
        frame = frame.f_back
    stacks[SEPARATOR.join(found)] += 1


def thread_seconds() -> dict[str, float]:
    """CPU seconds of all threads so far, by name; those of a pool are one."""
    ticks, names = os.sysconf("SC_CLK_TCK"), {}
    for thread in threading.enumerate():
        names[thread.native_id] = thread.name.rpartition("_")[0] or thread.name
    found: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        seconds = (int(fields[11]) + int(fields[12])) / ticks
        found[names.get(int(task.name), "threads of libraries")] += seconds
    return dict(found)
