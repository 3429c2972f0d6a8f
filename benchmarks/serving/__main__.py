"""How fast the prediction service answers, beside peers that serve the same file.

    python -m benchmarks.serving [--quick] [--json FILE] [--peer-python PYTHON] [--profile]

Starts PostgreSQL, Valkey, our serving process and the peers on 127.0.0.1, in a temporary folder
that it deletes. Servers take turns: one runs, pinned to a core of its own, the others are stopped.

- Single predictions: the town's network over HTTP from 1, 8 and 32 connections, against the bare
  ASGI floor, a hand-written FastAPI application, `mlflow models serve` and BentoML, one process
  each, the same ONNX file and the same question.
- Micro-batching: our service with and without it on a network of AlphaZero's form.
- Hot swap: an alias moved to and fro under load; every answer compared with its version's own.
- With --profile: where our time above the floor goes.

Peers that lie in another virtual environment are run with its Python: --peer-python. One that is
not installed is named in the tables, and the benchmark then ends with status 3.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import begin, parser_for, positive
from benchmarks.report import Report
from benchmarks.serving.contestants import (
    NEEDS,
    contestants,
    missing_peers,
    our_python,
    own_answer,
    versions_of,
)
from benchmarks.serving.networks import town_question
from benchmarks.serving.servers import Cores, running
from benchmarks.serving.single import Turns, judge
from benchmarks.serving.site import ServingSite

PEERS_MISSING = 3  # exit status
PARTS = ("single", "batching", "swap")


def main(argv: Sequence[str] | None = None) -> int:
    options, report = read(argv)
    versions = versions_of(options.peer_python)
    missing = missing_peers(versions) if "single" in options.parts else {}
    print(f"peers run with: {', '.join(f'{name} {text}' for name, text in versions.items())}")
    cores = Cores.split()
    print(f"cores: {cores.describe()}")
    with ServingSite(cores) as site:
        version, file = site.register_town(options.level, options.seed)
        if "single" in options.parts:
            single(site, file, options, report, missing)
        if "batching" in options.parts:
            from benchmarks.serving.batching import batching

            batching(site, options, report)
        if "swap" in options.parts:
            from benchmarks.serving.swapping import swapping

            report.add(swapping(site, version, options))
        if options.profile:
            from benchmarks.serving.profiling import profiling

            for table in profiling(site, file, options):
                report.add(table)
    report.end()
    for peer, packages in missing.items():
        print(f"{peer} was not measured: {', '.join(packages)} missing", file=sys.stderr)
    return PEERS_MISSING if missing else 0


def read(argv: Sequence[str] | None) -> tuple[Namespace, Report]:
    parser = parser_for("serving", "How fast the prediction service answers.", rounds=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    parser.add_argument("--warm-up", type=float, default=1.5, help="seconds before each turn")
    parser.add_argument("--connections", nargs="+", type=positive, default=[1, 8, 32])
    parser.add_argument("--level", default="L1", help="whose network is asked")
    parser.add_argument("--peer-python", type=Path, default=our_python(), metavar="PYTHON")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--bounds-ms", nargs="+", type=float, default=[20.0, 50.0], help="of p95")
    parser.add_argument(
        "--steps",
        nargs="+",
        type=positive,
        default=[1, 2, 4, 8, 16, 32, 64, 128],
        help="connections of the batching benchmark",
    )
    parser.add_argument("--swaps", type=positive, default=50)
    parser.add_argument("--profile", action="store_true", help="where our time goes, too")
    quick = {"seconds": 0.5, "warm_up": 0.3, "connections": [1, 8], "steps": [1, 8], "swaps": 4}
    packages = ["uvicorn", "uvloop", "httptools", "daphne", "onnxruntime", "orjson", "Django"]
    return begin(parser, argv, quick=quick, packages=packages)


def single(
    site: ServingSite, file: Path, options: Namespace, report: Report, missing: dict[str, list[str]]
) -> None:
    inputs = town_question(options.level, options.seed)
    present = set(NEEDS) - set(missing)
    found = contestants(site, file, inputs, options.peer_python, present)
    expected = own_answer(file, inputs)
    taken = []
    with running([contestant.server for contestant in found]):
        for contestant in found:
            contestant.check(expected)
        for connections in options.connections:
            turns = Turns(connections)
            turns.take(found, options)
            taken.append(turns)
            report.add(turns.table(missing))
    table = judge(taken, missing)
    table.notes = [
        site.cores.describe(),
        f"the question: {len(found[0].body)} bytes of JSON; the network: {options.level}'s own",
        "ours checks a token, counts its requests, and keeps a row of every answer in PostgreSQL; "
        "the floor does none of that, FastAPI checks a token",
    ]
    report.add(table)


if __name__ == "__main__":
    sys.exit(main())
