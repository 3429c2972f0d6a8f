"""What micro-batching is worth: the same service with and without it, at an equal p95."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from benchmarks.measuring import Spread, ratio, take_turns
from benchmarks.report import Report, Table, verdict
from benchmarks.serving.load import Load, ask, request_bytes, run, send_load, spread_ms
from benchmarks.serving.networks import BOARD_NETWORKS, board_network, boards, body
from benchmarks.serving.servers import Server, running
from benchmarks.serving.site import ALIAS, ServingSite

GOAL, JUDGED = 3.7, "residual tower"
DIFFERENCE_GOAL = 1e-5
ENGINE_ROWS = (1, 8, 32, 64)
TOGETHER = 64  # questions whose answers are compared
BATCHED, SINGLY = "batched", "one at a time"
ONE_AT_A_TIME = "benchmarks.serving.one_at_a_time:application"


def batching(site: ServingSite, options: Namespace, report: Report) -> None:
    """All networks, each with its engine's ceiling, its sweep and its differences."""
    for name in BOARD_NETWORKS:
        network = board_network(name, options.seed)
        file = site.register_upload(name.replace(" ", "-"), network)
        report.add(engine_table(name, network, file, options))
        servers = {
            BATCHED: site.serving_process(name=f"{name}, {BATCHED}"),
            SINGLY: site.serving_process(ONE_AT_A_TIME, name=f"{name}, {SINGLY}"),
        }
        with running(list(servers.values())):
            sweep = Sweep(name, servers, site.secret, options)
            sweep.take()
            report.add(sweep.table())
            report.add(sweep.verdicts())
            report.add(differences(name, servers, site.secret, options))


class Sweep:
    """Both ways with more and more connections.

    Attributes:
        loads: per way and number of connections, one of each round. rows: that shared a run with
            the last answer seen of each load.
    """

    def __init__(
        self, network: str, servers: dict[str, Server], secret: str, options: Namespace
    ) -> None:
        self.network, self.servers, self.options = network, servers, options
        self.secret = secret
        self.loads: dict[tuple[str, int], list[Load]] = defaultdict(list)
        self.rows: dict[tuple[str, int], list[int]] = defaultdict(list)

    def take(self) -> None:
        for connections in self.options.steps:
            turns = {way: (lambda w=way, c=connections: self._turn(w, c)) for way in self.servers}
            take_turns(turns, self.options.rounds)

    def _turn(self, way: str, connections: int) -> float:
        server = self.servers[way]
        request = question(server, self.network, self.secret, boards(1, self.options.seed))
        counted = self.rows[way, connections]

        def see(status: int, answer: bytes, began: float, ended: float) -> None:
            if status == 200 and len(counted) < MOST_COUNTED:
                counted.append(json.loads(answer)["batch_rows"])

        with server.turn():
            load = run(
                send_load(
                    *(url(server), request),
                    connections=connections,
                    seconds=self.options.seconds,
                    warm_up_s=self.options.warm_up,
                    see=see,
                )
            )
        self.loads[way, connections].append(load)
        return load.per_second

    def table(self) -> Table:
        table = Table(f"Micro-batching, {self.network}: what each way reaches", notes=SWEEP_NOTES)
        for connections in self.options.steps:
            row = {"connections": connections}
            for way in self.servers:
                loads = self.loads[way, connections]
                row |= {
                    f"{way}, requests/s": Spread(tuple(load.per_second for load in loads), "1/s"),
                    f"{way}, p95 in ms": spread_ms(loads, 95),
                    f"{way}, rows in a run": mean(self.rows[way, connections]),
                    f"{way}, errors": sum(load.errors for load in loads),
                }
            table.rows.append(row)
        return table

    def verdicts(self) -> Table:
        """The highest throughput of both below the same p95."""
        table = Table(f"Micro-batching, {self.network}: at an equal p95", notes=VERDICT_NOTES)
        for bound_ms in self.options.bounds_ms:
            best = {way: self._best(way, bound_ms) for way in self.servers}
            if not all(best.values()):
                found, said = None, "NOT met: one of them never stays below"
            else:
                found = ratio(best[BATCHED], best[SINGLY])
                said = verdict(found, GOAL) if self.network == JUDGED else "-"
            table.rows.append(
                {
                    "p95 at most, ms": bound_ms,
                    **{f"{way}, requests/s": best[way] for way in self.servers},
                    "batched / one at a time": found,
                    "goal": said,
                }
            )
        return table

    def _best(self, way: str, bound_ms: float) -> Spread | None:
        by_step = [self.loads[way, connections] for connections in self.options.steps]
        rounds = [highest(turns, bound_ms) for turns in zip(*by_step, strict=True)]
        return Spread(tuple(rounds), "1/s") if all(rounds) else None


MOST_COUNTED = 2000
SWEEP_NOTES = [
    "one row of a board in each request; `rows in a run` is the mean of what the first replies of "
    "each load say",
]
VERDICT_NOTES = [
    "of every round the highest throughput of all steps whose p95 stays below the bound: 20 ms is "
    "our goal for the slowest of single predictions, 50 ms what nobody feels in a game",
    "one at a time: the same service, which joins no questions",
]


def highest(turns: Sequence[Load], bound_ms: float) -> float:
    """Requests per second of the fastest load that kept the bound without an error; 0 if none."""
    kept = (load.per_second for load in turns if load.percentile_ms(95) <= bound_ms)
    return max(kept, default=0.0)


def mean(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def url(server: Server) -> str:
    return f"{server.url}/api/v1/predict"


def question(server: Server, network: str, secret: str, rows: np.ndarray) -> bytes:
    content = body(network.replace(" ", "-"), ALIAS, {"boards": rows.tolist()})
    return request_bytes(url(server), content, {"Authorization": f"Bearer {secret}"})


def engine_table(name: str, network: nn.Module, file: Path, options: Namespace) -> Table:
    """Rows per second of the engines alone, on one thread: the most that batches can bring."""
    table = Table(f"Micro-batching, {name}: the engines alone, one thread", notes=ENGINE_NOTES)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), settings)

    def by_torch(rows: np.ndarray) -> None:
        with torch.inference_mode():
            network(torch.from_numpy(rows))

    engines = {
        "ONNX Runtime": lambda rows: session.run(None, {"boards": rows}),
        "PyTorch": by_torch,
    }
    for engine, work in engines.items():
        speeds = {count: rows_per_second(work, count, options) for count in ENGINE_ROWS}
        table.rows.append(
            {
                "engine": engine,
                **{f"{count} rows, rows/s": speed for count, speed in speeds.items()},
                "ceiling: best / 1 row": max(speeds.values()) / speeds[1],
            }
        )
    parameters = sum(each.numel() for each in network.parameters())
    table.notes = [f"{parameters:,} parameters", *ENGINE_NOTES]
    return table


ENGINE_NOTES = [
    "by CPU time of the thread, the fastest tenth of the runs: without HTTP, and nearly blind to "
    "other work on the machine. No service can gain more from batches than its engine does",
]


def rows_per_second(work, count: int, options: Namespace) -> float:
    rows, took = boards(count, options.seed), []
    until = time.perf_counter() + min(options.seconds, 2.0)
    while time.perf_counter() < until or len(took) < 10:
        began = time.thread_time()
        work(rows)
        took.append(time.thread_time() - began)
    return count / sorted(took)[len(took) // 10]


def differences(name: str, servers: dict[str, Server], secret: str, options: Namespace) -> Table:
    """Answers of one question at a time against those of many at once."""
    rows = boards(TOGETHER, options.seed)
    single = answers(servers[SINGLY], name, secret, rows, at_once=1)
    table = Table(f"Micro-batching, {name}: batched answers against single ones")
    joined = answers(servers[BATCHED], name, secret, rows, at_once=TOGETHER)
    most = max(answer["batch_rows"] for answer in joined)
    table.rows.append(difference_row(f"{TOGETHER} questions at once", joined, single, most))
    whole = one_request(servers[BATCHED], name, secret, rows)
    parted = [
        {"outputs": {output: values[i : i + 1] for output, values in whole["outputs"].items()}}
        for i in range(TOGETHER)
    ]
    table.rows.append(
        difference_row(f"{TOGETHER} rows in one request", parted, single, whole["batch_rows"])
    )
    table.notes = ["single: one question after the other, from the service that joins none"]
    return table


def difference_row(what: str, found: list[dict], single: list[dict], most_rows: int) -> dict:
    largest = max(
        float(np.abs(np.asarray(one["outputs"][name]) - np.asarray(values)).max())
        for one, other in zip(found, single, strict=True)
        for name, values in other["outputs"].items()
    )
    return {
        "what": what,
        "most rows in a run": most_rows,
        "largest difference": largest,
        "goal": verdict(Spread((largest,)), DIFFERENCE_GOAL, at_most=True),
    }


def answers(
    server: Server, name: str, secret: str, rows: np.ndarray, *, at_once: int
) -> list[dict]:
    """The reply to each row, asked alone."""
    import asyncio

    async def all_of_them() -> list[dict]:
        door = asyncio.Semaphore(at_once)

        async def one(i: int) -> dict:
            async with door:
                return read(await ask(url(server), question(server, name, secret, rows[i : i + 1])))

        return await asyncio.gather(*(one(i) for i in range(len(rows))))

    with server.turn():
        return run(all_of_them())


def one_request(server: Server, name: str, secret: str, rows: np.ndarray) -> dict:
    with server.turn():
        return read(run(ask(url(server), question(server, name, secret, rows))))


def read(answer: tuple[int, bytes]) -> dict:
    status, content = answer
    if status != 200:
        raise SystemExit(f"the service answers {status}: {content[:1000].decode()}")
    return json.loads(content)
