"""What a figure was measured on: without it a speed means nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent


def machine_facts(packages: Iterable[str]) -> dict[str, Any]:
    """Machine, versions and commit, as plain data.

    Args:
        packages: distribution names whose versions matter to the figures.
    """
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in ("torch", "numpy", *packages)},
        "commit": commit(),
        "load_before": load(),
    }


def processor() -> str:
    """The processor's name as the kernel tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Short hash of the commit, with `+changes` where the tree differs from it."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--", *CODE) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


# Where a change can move a figure. Results that this very run writes do not count.
CODE = ("hamlet", "hamletweb", "live", "training", "registry", "static", "benchmarks/*.py")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def filesystem(folder: Path) -> str:
    """The kind of file system a folder is on: tmpfs is memory, and never cold."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    places = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    above = [place for place in places if folder.resolve().is_relative_to(place[0])]
    return max(above, key=lambda place: len(place[0]), default=["", "unknown"])[1]


def load() -> float:
    """Processes that wanted a core in the last minute; other work shows here."""
    return round(os.getloadavg()[0], 2)
