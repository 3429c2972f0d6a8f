"""How fast a dataset of Connect Four is built, and how much memory that takes.

    python -m benchmarks.connect_four.datasets [--quick] [--json FILE]

Random games with visits and root values go through the whole build: replay, targets, mirror
images, deduplication, shards, statistics. Each size is built in a process of its own; `memory` is
its peak above what it holds before it reads the first game. There is no peer: nothing public
builds such datasets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.command import begin, parser_for, positive
from benchmarks.machine import ROOT
from benchmarks.measuring import CLOCKS, Spread
from benchmarks.report import Table
from hamlet.datasets.games import Game
from hamlet.envs.connect_four.batch import ConnectFourBatch

MOST_MIB = 80.0  # the limit that the test of memory holds it to
POSITIONS_PER_GAME = 21  # of random games
AT_ONCE = 1000  # games played side by side
WAYS: dict[str, dict[str, Any]] = {
    "as they come": {"deduplicate": False, "augment": {"flip": True}},
    "equal positions merged": {"deduplicate": True, "augment": {"flip": True}},
}


def main(argv: Sequence[str] | None = None) -> int:
    if argv is None and sys.argv[1:2] == ["--build"]:
        return build(*sys.argv[2:])
    parser = parser_for("connect_four.datasets", "Building a dataset.", rounds=3)
    parser.add_argument("--positions", type=positive, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: on a busy machine")
    quick = {"positions": [2_000]}
    options, report = begin(parser, argv, quick=quick, packages=["zstandard", "numba"])
    table = Table("Building a dataset from random games", [])
    for positions in options.positions:
        for way in WAYS:
            rounds = [measured(way, positions, options) for _ in range(options.rounds)]
            table.rows.append(row(way, rounds))
    table.notes.append(f"memory: MiB above the process without games; limit {MOST_MIB:.0f} MiB")
    report.add(table)
    report.end()
    return 0


def measured(way: str, positions: int, options: Any) -> dict[str, float]:
    """One build in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.connect_four.datasets", "--build"]
        command += [folder, way, str(positions), str(options.seed), options.clock]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row(way: str, rounds: list[dict[str, float]]) -> dict[str, Any]:
    found = {name: Spread(tuple(one[name] for one in rounds)) for name in rounds[0]}
    rates = tuple(one["made"] / one["seconds"] for one in rounds)
    within = found["memory_mib"].high <= MOST_MIB
    return {
        "rows": way,
        "examples made": int(found["made"].median),
        "kept": int(found["kept"].median),
        "seconds": found["seconds"],
        "examples/s": Spread(rates),
        "memory MiB": found["memory_mib"],
        "goal": f"<= {MOST_MIB:.0f} MiB: {'met' if within else 'NOT met'}",
    }


def build(folder: str, way: str, positions: str, seed: str, clock: str) -> int:
    """In the process that is measured; making the games does not count."""
    from hamlet.datasets.building import build_dataset

    count = max(100, int(positions) // POSITIONS_PER_GAME // 2)  # the flip doubles them
    options = {"include_policy": True, **WAYS[way]}
    build_dataset(Path(folder, "first"), Games(200, int(seed) + 1, clock), options)
    before, games = peak_mib(), Games(count, int(seed), clock)
    read: list[int] = [0]

    def progress(_games: int, examples: int) -> None:
        read[0] = examples

    start = CLOCKS[clock]()
    manifest = build_dataset(Path(folder, "measured"), games, options, progress=progress)
    found = {
        "seconds": CLOCKS[clock]() - start - games.seconds,
        "made": 2 * read[0],  # the mirror images too
        "kept": manifest.total_examples,
        "memory_mib": peak_mib() - before,
    }
    print(json.dumps(found))
    return 0


def peak_mib() -> float:
    """Not ru_maxrss, which starts with the memory of the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Games:
    """Even draws, with visits and root values as self-play stores them.

    Attributes: seconds: that making them took.
    """

    def __init__(self, count: int, seed: int, clock: str) -> None:
        self.count, self.seed, self.now = count, seed, CLOCKS[clock]
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Game]:
        start = self.now()
        for first in range(0, self.count, AT_ONCE):
            for game in self._some(first, min(AT_ONCE, self.count - first)):
                self.seconds += self.now() - start
                yield game
                start = self.now()
        self.seconds += self.now() - start

    def _some(self, first: int, count: int) -> Iterator[Game]:
        batch, draw = ConnectFourBatch(count), torch.Generator().manual_seed(self.seed + first)
        while not bool(batch.ended.all()):
            batch.step((torch.rand(count, 7, generator=draw) * batch.legal()).argmax(dim=1))
        searched = np.random.default_rng(self.seed + first)
        for row, (line, winner) in enumerate(
            zip(batch.moves.tolist(), batch.winner.tolist(), strict=True)
        ):
            moves = tuple(column for column in line if column >= 0)
            yield Game(
                id=f"{self.seed}-{first + row}",
                moves=moves,
                winner=winner,
                visits=searched.integers(0, 50, (len(moves), 7)).astype(np.int32),
                values=searched.uniform(-1, 1, len(moves)).astype(np.float32),
            )


if __name__ == "__main__":
    sys.exit(main())
