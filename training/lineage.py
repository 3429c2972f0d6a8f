"""Where a version comes from: everything needed to make it again or to blame it."""

from __future__ import annotations

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from typing import Any

from django.conf import settings

import hamlet
from hamlet.checkpoint_header import model_header
from training.inputs import inputs_of
from training.models import Run


def lineage(run: Run, model: Any, metadata: dict[str, Any], device: str) -> dict[str, Any]:
    """Plain data for the registered version.

    Args:
        model: the HamletModel that is registered. metadata: what the trainer says of its making.
    """
    header = model_header(model, metadata)
    return {
        "run_id": str(run.pk),
        "run_name": run.name,
        "run_spec": run.spec,
        "run_spec_hash": run.spec_hash,
        "system": run.system,
        "trainer": run.spec["trainer"],
        "seed": run.spec["seed"],
        "level": run.level,
        "level_hash": metadata.get("level_hash"),
        "brain_spec_hash": header["brain_spec_hash"],
        "layout_hash": header["layout_hash"],
        "inputs": inputs_of(run),
        "device": device,
        "code": code_version(),
        "python": platform.python_version(),
        "packages": package_versions(),
    }


@cache
def package_versions() -> dict[str, str]:
    """Of what has a say in the numbers a training gives."""
    return {name: version(name) for name in ("torch", "numpy", "safetensors", "Django")}


@cache
def code_version() -> str:
    """As git names the code that runs, or the library's version where there is no repository."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own words, as a list
            [shutil.which("git") or "git", "describe", "--always", "--dirty", "--tags"],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return hamlet.__version__
    return f"{hamlet.__version__} ({answer.stdout.strip()})"
