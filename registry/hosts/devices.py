"""What a worker can calculate with, read once when it starts.

PyTorch is asked, since it decides what a job can use (a driver that is too old, or
CUDA_VISIBLE_DEVICES, hides devices from it); in a process of its own, since a worker's parent must
not touch CUDA before it forks. Where nothing looks like a GPU, nobody waits for that.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

PROBE = (sys.executable, "-P", str(Path(__file__).with_name("cuda_probe.py")))
PROBE_TIMEOUT_S = 120.0
SIGNS = (Path("/dev/nvidia0"), Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))
CPU_FACTS = Path("/proc/cpuinfo")


def find_devices() -> list[dict[str, Any]]:
    """The processor, then each CUDA device, as plain data.

    Returns: `kind` (cpu, cuda), `index`, `name`, `memory_total_bytes`, `memory_free_bytes` (at
        the start), and `cores` for the processor.
    """
    return [processor(), *(cuda_devices() if looks_like_a_gpu() else [])]


def processor() -> dict[str, Any]:
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "kind": "cpu",
        "index": 0,
        "name": processor_name(),
        "cores": usable_cores(),
        "memory_total_bytes": page * os.sysconf("SC_PHYS_PAGES"),
        "memory_free_bytes": page * os.sysconf("SC_AVPHYS_PAGES"),
    }


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_name() -> str:
    try:
        lines = CPU_FACTS.read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def looks_like_a_gpu() -> bool:
    return any(sign.exists() for sign in SIGNS) or shutil.which("nvidia-smi") is not None


def cuda_devices(probe: Sequence[str] = PROBE) -> list[dict[str, Any]]:
    """Ask PyTorch in a process of its own. A probe that fails is logged: no device then."""
    try:
        done = subprocess.run(  # noqa: S603 - our own script
            list(probe), capture_output=True, timeout=PROBE_TIMEOUT_S, check=True
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        words = getattr(error, "stderr", b"") or b""
        last = words.decode(errors="replace").strip().splitlines()[-1:]
        logger.warning("CUDA devices could not be listed: %s %s", error, " ".join(last))
        return []
