"""Run benchmarks one after the other, each in a process of its own.

    python -m benchmarks [--quick] [--results FOLDER] [NAME ...]

Without names: all but `learning`, which takes hours and is asked for by name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import ROOT

QUICK_ONES = (
    "environment",
    "dqn",
    "recurrent",
    "checkpoints",
    "streaming",
    "registry_scale",
    "serving",
    "connect_four.engine",
    "connect_four.search",
    "connect_four.solver",
    "connect_four.predict",
    "connect_four.browser",
    "connect_four.datasets",
    "connect_four.strength",
)
ALL = (*QUICK_ONES, "learning")
RESULTS = ROOT / "benchmarks" / "results"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only to see them run")
    parser.add_argument(
        "--results", type=Path, help=f"write NAME.json there; {RESULTS.name}/ unless --quick"
    )
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(ALL))
    if unknown:
        parser.error(f"found {', '.join(unknown)}; expected names of {', '.join(ALL)}")
    folder = options.results or (None if options.quick else RESULTS)
    failed = [
        name for name in options.names or QUICK_ONES if run(name, folder, quick=options.quick)
    ]
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, folder: Path | None, *, quick: bool) -> int:
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    command += ["--quick"] if quick else []
    command += ["--json", str(folder.absolute() / f"{name}.json")] if folder else []
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
