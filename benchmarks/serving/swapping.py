"""An alias moved to and fro under load: no question may fail or get the answer of a mixture."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.measuring import percentile
from benchmarks.report import Cell, Table
from benchmarks.serving.load import Load, ask, request_bytes, run, send_load
from benchmarks.serving.networks import body, town_question
from benchmarks.serving.servers import Server
from benchmarks.serving.site import ALIAS, TOWN, ServingSite

CONNECTIONS = 8
PAUSE_S = 0.2  # between two moves
PREDICT = "/api/v1/predict"


@dataclass
class Watch:
    """What was seen while the alias moved.

    Attributes:
        expected: version -> its outputs, as it gives them when asked by number.
        moves: (when the API had answered, the version that the alias names since).
        seen: (sent, answered, version) of every good answer. wrong: answers that are not exactly
            those of the version they name. failed: by status.
    """

    expected: dict[str, Any]
    moves: list[tuple[float, str]] = field(default_factory=list)
    seen: list[tuple[float, float, str]] = field(default_factory=list)
    wrong: int = 0
    failed: Counter = field(default_factory=Counter)

    def see(self, status: int, content: bytes, began: float, ended: float) -> None:
        if status != 200:
            self.failed[status] += 1
            return
        answer = orjson.loads(content)
        version = answer["version"]
        self.wrong += answer["outputs"] != self.expected.get(version)
        self.seen.append((began, ended, version))

    def delays_ms(self) -> list[float]:
        """After each move but the last: from the API's answer to the end of the last answer of the
        version before it. 0 where none came any more."""
        found = []
        for (at, version), (until, _) in zip(self.moves, self.moves[1:], strict=False):
            late = [end for _, end, other in self.seen if at < end < until and other != version]
            found.append((max(late) - at) * 1000 if late else 0.0)
        return found


def swapping(site: ServingSite, first: Any, options: Namespace) -> Table:
    """Args: first: a version of the town's network that is registered; another one joins it."""
    second, _ = site.register_town(options.level, options.seed + 1)
    inputs = town_question(options.level, options.seed)
    serving, web = site.serving_process(), site.web_process(site.cores.load)
    try:
        for server in (serving, web):
            server.start()
        watch = Watch(
            {str(v.number): by_number(serving, site, v.number, inputs) for v in (first, second)}
        )
        load = run(under_load(watch, (serving, web), site, inputs, options.swaps))
    finally:
        for server in (serving, web):
            server.stop()
    return swap_table(watch, load, options.swaps)


def by_number(serving: Server, site: ServingSite, number: str, inputs: dict[str, Any]) -> Any:
    """What a version answers when it is asked itself."""
    content = json.dumps({"model": TOWN, "version": number, "inputs": inputs}).encode()
    status, answer = run(ask(serving.url + PREDICT, request(serving, site, content)))
    if status != 200:
        raise SystemExit(f"version {number} answers {status}: {answer[:1000].decode()}")
    return orjson.loads(answer)["outputs"]


def request(serving: Server, site: ServingSite, content: bytes) -> bytes:
    headers = {"Authorization": f"Bearer {site.secret}"}
    return request_bytes(serving.url + PREDICT, content, headers)


async def under_load(
    watch: Watch,
    servers: tuple[Server, Server],
    site: ServingSite,
    inputs: dict[str, Any],
    swaps: int,
) -> Load:
    serving, web = servers
    asked = request(serving, site, body(TOWN, ALIAS, inputs))
    loading = asyncio.create_task(
        send_load(
            *(serving.url + PREDICT, asked),
            connections=CONNECTIONS,
            seconds=swaps * 30.0,  # ended by us, once the alias has moved often enough
            warm_up_s=0.0,
            see=watch.see,
            stop=(stop := asyncio.Event()),
        )
    )
    await asyncio.sleep(PAUSE_S)
    versions = list(watch.expected)
    for number in range(swaps):
        version = versions[number % 2]
        await asyncio.to_thread(move, web, site, version)
        watch.moves.append((time.perf_counter(), version))
        await asyncio.sleep(PAUSE_S)
    stop.set()
    return await loading


def move(web: Server, site: ServingSite, version: str) -> None:
    """Through the API. Raises: urllib.error.HTTPError."""
    moving = urllib.request.Request(
        f"{web.url}/api/v1/models/{TOWN}/aliases/{ALIAS}",
        method="PUT",
        data=json.dumps({"version": version, "reason": "benchmark"}).encode(),
        headers={
            "Authorization": f"Bearer {site.secret}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(moving, timeout=30):
        pass


def swap_table(watch: Watch, load: Load, swaps: int) -> Table:
    table = Table(f"Hot swap: an alias moved {swaps} times, {CONNECTIONS} connections")
    by_version = Counter(version for _, _, version in watch.seen)
    failed = sum(watch.failed.values()) + load.statuses[0]
    delays = watch.delays_ms()
    each = ", ".join(f"{version}: {count:,}" for version, count in sorted(by_version.items()))
    table.rows = [
        row("moves", len(watch.moves), "-"),
        row("answers of each version", each, "-"),
        row("failed requests", failed, zero(failed, len(watch.seen))),
        row(
            "answers that are not their version's own",
            watch.wrong,
            zero(watch.wrong, len(by_version) - 1),
        ),
        row("p99 under swaps, ms", load.percentile_ms(99), "-"),
        row("slowest, ms", load.percentile_ms(100), "-"),
        row(
            "last answer of the version before, p50 in ms after the move",
            percentile(delays, 50),
            "-",
        ),
        row("the same, most", max(delays), "-"),
    ]
    table.notes = [
        "every answer is compared, number by number, with what the version it names answers when "
        "it is asked by its number",
        "the alias is moved through the API of the web process, a process other than the one that "
        "answers; a move counts from the API's own answer",
    ]
    return table


def row(what: str, found: Cell, said: str) -> dict[str, Cell]:
    return {"what": what, "measured": found, "goal": said}


def zero(found: int, seen: int) -> str:
    """Args: seen: without which nothing was tried."""
    return "goal 0: met" if found == 0 and seen > 0 else "goal 0: NOT met"
