"""How long one question of Connect Four takes, beside the bare call of ONNX Runtime.

    python -m benchmarks.connect_four.predict [--quick] [--json FILE]

Starts PostgreSQL, Valkey and our serving process on 127.0.0.1, in a temporary folder that it
deletes. The same board each time, the ONNX file that the platform makes of a network:

- bare: `InferenceSession.run` on planes that are ready, one thread, in this process;
- in process: the body as JSON, the board read and checked, that call, the reply as JSON;
- over HTTP: one connection that asks as fast as it is answered, and then --per-second requests
  over 8 connections at an even pace, timed from when each was due.

The small network is the preset of `alphazero`, the large one is 19 blocks of 256 channels.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.command import begin, parser_for, positive
from benchmarks.measuring import Spread, percentile
from benchmarks.report import Table, verdict
from benchmarks.serving.load import Load, request_bytes, run, send_load
from benchmarks.serving.servers import Cores, Server, running
from benchmarks.serving.site import ALIAS, ServingSite
from hamlet.brains.compiling import compile_brain
from hamlet.brains.presets import LARGE, SMALL, preset
from hamlet.checkpoint import save_inference
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.learning.connect_four.asking import inputs_of, read_body, shaped_reply
from hamlet.model import HamletModel

MOVES = "44535264"
CONNECTIONS = 8
BARE, INSIDE, ALONE, PACED = "bare ONNX Runtime", "in process", "HTTP, 1 at a time", "HTTP, paced"
# Of the small network, in milliseconds at most: what is measured, percentile, goal.
GOALS = ((INSIDE, 50, 5.0), (INSIDE, 99, 20.0), (ALONE, 50, 5.0), (ALONE, 99, 15.0))
GOAL_PACED = (PACED, 99, 30.0)


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("connect_four.predict", "How long one question takes.", rounds=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    parser.add_argument("--per-second", type=positive, default=200, help="requests, at a pace")
    parser.add_argument("--sizes", nargs="+", choices=(SMALL, LARGE), default=[SMALL, LARGE])
    quick = {"seconds": 0.3, "per_second": 20, "sizes": [SMALL]}
    packages = ["uvicorn", "uvloop", "onnxruntime", "orjson", "Django"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    cores = Cores.split()
    found: dict[str, dict[str, list[Load]]] = {}
    table = Table("Milliseconds for one question", [], [cores.describe()])
    with ServingSite(cores) as site:
        for size in options.sizes:
            found[size] = measured(site, size, options)
            table.rows += rows(size, found[size])
    report.add(table)
    if SMALL in found:
        report.add(judged(found[SMALL], options))
    report.end()
    return 0


def measured(site: ServingSite, size: str, options: Namespace) -> dict[str, list[Load]]:
    """A load of each kind for each round; kinds take turns."""
    name = f"benchmark-{size}"
    version, file = site.register(name, "connect_four", checkpoint(size, options.seed))
    server = site.serving_process(name=f"serving {size}")
    ask = in_process(file)
    body = json.dumps({"model": version.model.name, "alias": ALIAS, "board": MOVES}).encode()
    found: dict[str, list[Load]] = {name: [] for name in (BARE, INSIDE, ALONE, PACED)}
    with running([server]), tqdm(total=4 * options.rounds, unit="turn", disable=None) as bar:
        url = f"{server.url}/api/v1/predict"
        request = request_bytes(url, body, {"Authorization": f"Bearer {site.secret}"})
        check(server, url, request, ask)
        turns: dict[str, Callable[[], Load]] = {
            BARE: lambda: timed(bare(file), options.seconds),
            INSIDE: lambda: timed(ask, options.seconds),
            ALONE: lambda: over_http(server, url, request, options, 1, None),
            PACED: lambda: over_http(
                server, url, request, options, CONNECTIONS, options.per_second
            ),
        }
        for _ in range(options.rounds):
            for kind, turn in turns.items():
                bar.set_description(f"{size}: {kind}")
                found[kind].append(turn())
                bar.update()
    return found


def checkpoint(size: str, seed: int) -> bytes:
    """Nobody trained it: how long an answer takes does not hang on the weights."""
    generator = torch.Generator().manual_seed(seed)
    network = compile_brain(preset("alphazero", size), LAYOUT, generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        save_inference(path, HamletModel(network, {"weights": "random"}))
        return path.read_bytes()


def session_of(file: Path) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])


def bare(file: Path) -> Callable[[], Any]:
    session = session_of(file)
    position, _ = read_body({"board": MOVES})
    inputs = inputs_of(position)
    return lambda: session.run(["policy", "value"], inputs)


def in_process(file: Path) -> Callable[[], bytes]:
    session, body = session_of(file), json.dumps({"board": MOVES}).encode()

    def ask() -> bytes:
        position, _ = read_body(json.loads(body))
        policy, value = session.run(["policy", "value"], inputs_of(position))
        return json.dumps(shaped_reply(position, {"policy": policy, "value": value})).encode()

    return ask


def check(server: Server, url: str, request: bytes, ask: Callable[[], bytes]) -> None:
    """Raises: SystemExit if the service answers with another move than the file itself."""
    answers: list[tuple[int, bytes]] = []
    with server.turn():
        run(
            send_load(
                *(url, request),
                connections=1,
                seconds=0.2,
                warm_up_s=0.0,
                see=lambda status, content, *_: answers.append((status, content)),
            )
        )
    status, content = answers[-1]
    expected = json.loads(ask())["move"]
    if status != 200 or json.loads(content)["move"] != expected:
        raise SystemExit(f"found {status} {content[:300]!r}; expected the move {expected}")


def timed(work: Callable[[], Any], seconds: float) -> Load:
    """Called again and again in this process."""
    load = Load()
    for _ in range(20):
        work()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        work()
        load.latencies_s.append(time.perf_counter() - start)
    load.elapsed_s = time.perf_counter() - began
    load.statuses[200] = len(load.latencies_s)
    return load


def over_http(
    server: Server,
    url: str,
    request: bytes,
    options: Namespace,
    connections: int,
    per_second: float | None,
) -> Load:
    with server.turn():
        return run(
            send_load(
                *(url, request),
                connections=connections,
                seconds=options.seconds,
                per_second=per_second,
            )
        )


def rows(size: str, found: dict[str, list[Load]]) -> list[dict[str, Any]]:
    return [
        {
            "network": size,
            "asked": kind,
            "p50": percentiles(loads, 50),
            "p95": percentiles(loads, 95),
            "p99": percentiles(loads, 99),
            "questions/s": Spread(tuple(load.per_second for load in loads)),
            "errors": sum(load.errors for load in loads),
        }
        for kind, loads in found.items()
    ]


def percentiles(loads: list[Load], share: float) -> Spread:
    return Spread(
        tuple(1000 * percentile(load.latencies_s, share) for load in loads)
        if all(load.latencies_s for load in loads)
        else (float("inf"),)
    )


def judged(found: dict[str, list[Load]], options: Namespace) -> Table:
    table = Table("Goals of the small network", [])
    for kind, share, goal in (*GOALS, GOAL_PACED):
        what = f"{kind} ({options.per_second}/s)" if kind == PACED else kind
        measure = percentiles(found[kind], share)
        table.rows.append(
            {
                "asked": f"{what}, p{share}",
                "ms": measure,
                "goal": verdict(measure, goal, at_most=True),
            }
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
