"""Who holds a lease, spelled so that a later process can tell whether that process is gone.

A lease that lapses is taken over after a minute. Where the holder provably no longer exists
(killed on this machine, or before its last start), nobody needs to wait. Proof is asked for on
Linux only; elsewhere, and for holders on other machines or in other containers, the answer is
"perhaps alive" and the clock decides. Should the proof ever be wrong, the fencing token still
refuses every write of the old holder: it costs time, not truth.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
SEPARATOR = "|"


class Holder(NamedTuple):
    """A process: the machine, its start, the container, the pid and when the pid began."""

    host: str
    machine: str
    boot: str
    pid_space: str
    pid: str
    began: str

    def __str__(self) -> str:
        return SEPARATOR.join(self)


def this_process() -> str:
    """The name under which the calling process takes a lease."""
    host, machine, boot, pid_space = this_machine()
    pid = os.getpid()
    return str(Holder(host, machine, boot, pid_space, str(pid), began(pid) or ""))


def is_gone(text: str) -> bool:
    """Whether the process of that name certainly no longer runs."""
    parts = text.split(SEPARATOR)
    if len(parts) != len(Holder._fields):
        return False
    holder = Holder(*parts)
    host, machine, boot, pid_space = this_machine()
    if not (boot and machine) or (holder.host, holder.machine) != (host, machine):
        return False
    if holder.boot != boot:
        return bool(holder.boot)  # the machine has been started anew since
    if holder.pid_space != pid_space or not holder.began:
        return False
    return began(int(holder.pid)) != holder.began


@cache
def this_machine() -> tuple[str, str, str, str]:
    """(host, machine id, boot id, pid namespace); empty where the system does not say."""
    return (
        socket.gethostname().replace(SEPARATOR, "")[:60],
        read(Path("/etc/machine-id")),
        read(PROC / "sys/kernel/random/boot_id"),
        pid_namespace(),
    )


def read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    try:
        return os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""


def began(pid: int) -> str | None:
    """When the process began, in clock ticks since the start of the machine.

    Returns: None where there is no such process, or only what is left of a dead one.
    """
    text = read(PROC / str(pid) / "stat")
    if not text:
        return None
    # The name in parentheses may hold spaces and parentheses itself; what follows it may not.
    fields = text.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in {"Z", "X"} else start_ticks
