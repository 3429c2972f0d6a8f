"""A wheel built from this tree, and a Python that knows no more than the wheel may need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("hamlet", "hamletweb", "live", "registry", "training")
NEEDED = ("torch", "numpy", "safetensors", "PyYAML")

# Makes every installed distribution unimportable that the needed ones do not bring along.
SHUT_OUT_THE_REST = f"""
import re, sys
from importlib.metadata import distribution, packages_distributions, PackageNotFoundError

allowed, waiting = set(), {list(NEEDED)!r}
while waiting:
    name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
    if name in allowed:
        continue
    try:
        needs = distribution(name).requires or []
    except PackageNotFoundError:
        continue
    allowed.add(name)
    waiting += [re.match(r"[\\w.-]+", need).group() for need in needs if "extra ==" not in need]
shut = {{
    package
    for package, owners in packages_distributions().items()
    if not any(re.sub(r"[-_.]+", "-", owner).lower() in allowed for owner in owners)
}} - {{"hamlet"}}
assert {{"django", "gymnasium", "celery", "channels", "rest_framework"}} <= shut, sorted(shut)

class ShutOut:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in shut:
            raise ModuleNotFoundError(f"{{name}} is shut out", name=name.partition(".")[0])

sys.meta_path.insert(0, ShutOut())
"""


def build_wheel(workplace: Path) -> Path:
    """Build from a copy, since setuptools writes beside its sources."""
    source = workplace / "source"
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--quiet", "--wheel-dir", str(workplace / "wheels"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (workplace / "wheels").glob("*.whl")
    return wheel


def unpack(wheel: Path, where: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(where)
    return where


def run_alone(code: str, library: Path, folder: Path) -> str:
    """Run code where only the wheel and what it needs can be imported; returns its output."""
    script = folder / "alone.py"
    head = f"import sys\nsys.path.insert(0, {str(library)!r})\n"
    script.write_text(head + SHUT_OUT_THE_REST + code)
    # -I: no PYTHONPATH and no current directory, which is this repository.
    done = subprocess.run(
        [sys.executable, "-I", str(script)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
