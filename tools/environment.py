"""Make .venv and install a requirements file into it, unless that was done before.

    python3 tools/environment.py requirements.txt

Runs with any Python 3.11 or later and nothing installed. Two calls at once are safe: the second
waits for the first. What is installed is remembered by content, so a second call takes no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)


def main(requirements: str) -> None:
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(
            f"This is Python {sys.version.split()[0]}; HamletWeb needs 3.11 or later. Install it "
            "and say `make PYTHON=/path/to/python3.11 up`."
        )
    try:
        lock = open(ROOT / ".venv.lock", "w")  # noqa: SIM115 - held until this process ends
    except OSError as error:
        sys.exit(f"{ROOT} cannot be written ({error.strerror}). Make a copy that is yours.")
    fcntl.flock(lock, fcntl.LOCK_EX)
    make_environment()
    install(ROOT / requirements)


def make_environment() -> None:
    python = ENVIRONMENT / "bin" / "python"
    if python.exists() and runs(python, "-c", "import pip"):
        return
    if ENVIRONMENT.exists():
        # The Python it was made with is gone, or it was interrupted: it is ours to make anew.
        shutil.rmtree(ENVIRONMENT)
    print(f"making {ENVIRONMENT}", flush=True)
    if not runs(sys.executable, "-m", "venv", ENVIRONMENT):
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"{sys.executable} cannot make a virtual environment. On Debian and Ubuntu: "
            f"`apt-get install python{version}-venv`. Is {ROOT} writable?"
        )


def install(requirements: Path) -> None:
    stamp = ENVIRONMENT / f".installed-{requirements.stem}"
    wanted = fingerprint(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {requirements.name}; the first time takes some minutes", flush=True)
    command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
    if not runs(ENVIRONMENT / "bin" / "python", *command, requirements, show=True):
        sys.exit(
            f"{requirements.name} could not be installed; pip says why above. Without a network, "
            "fill PIP_FIND_LINKS with wheels. Then say the same again: it goes on where it was."
        )
    stamp.write_text(wanted)
    if requirements.stem != "requirements":
        # Every other file holds requirements.txt, so that is installed now too.
        (ENVIRONMENT / ".installed-requirements").write_text(fingerprint(ROOT / "requirements.txt"))


def fingerprint(requirements: Path) -> str:
    """Changes with the Python, the file, what it includes, and the pins."""
    parts = [sys.version, str(ENVIRONMENT)]
    for name in sorted({*included(requirements.name), "requirements.txt", "constraints.txt"}):
        parts.append((ROOT / name).read_text())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def included(name: str) -> set[str]:
    """A requirements file and those that it takes in by `-r`."""
    found = {name}
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("-r "):
            found |= included(line.removeprefix("-r ").strip())
    return found


def runs(*command: object, show: bool = False) -> bool:
    quiet = None if show else subprocess.DEVNULL
    words = [str(part) for part in command]
    return subprocess.call(words, cwd=ROOT, stdout=quiet, stderr=quiet) == 0  # noqa: S603


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("say which file: python3 tools/environment.py requirements.txt")
    main(sys.argv[1])
