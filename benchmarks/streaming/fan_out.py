"""The way from the bus to many watchers alone: ours beside a Channels group, same episodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.machine import ROOT
from benchmarks.measuring import Spread, percentile, ratio
from benchmarks.report import Table
from benchmarks.streaming.phases import within
from benchmarks.streaming.site import START_TIMEOUT_S, STOP_TIMEOUT_S, Site
from benchmarks.streaming.usage import cpu_seconds
from benchmarks.streaming.watchers import Watchers
from hamletweb.embedded.process import free_port

OURS, CORE, PUBSUB = "ours", "core", "pubsub"
NAMES = {OURS: "ours", CORE: "channels_redis core", PUBSUB: "channels_redis pubsub"}
ARRIVE_S = 2.0  # given to the last messages


@dataclass(frozen=True)
class Seen:
    """One publishing, as the watchers saw it."""

    begun_ms: float  # median until the first message of an episode
    complete_ms: float  # median until its last message
    slowest_ms: float  # 99th percentile until its last message
    delivered: float  # percent of (episodes x watchers), complete
    cores: float  # of the web server


class GroupServer:
    """Context manager: daphne with the peer's application."""

    def __init__(self, layer: str, redis_url: str) -> None:
        self._environment = os.environ | {"LAYER": layer, "REDIS_URL": redis_url}
        self._port = free_port(None)
        self.socket = f"ws://127.0.0.1:{self._port}/ws/runs/peer/"

    def __enter__(self) -> GroupServer:
        command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1"]
        command += ["-p", str(self._port), "benchmarks.peers.channel_group:application"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL
        )
        self.pid = self._process.pid
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SystemExit("the peer's server did not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def answers(port: int) -> bool:
    """Whether something listens there; any answer to plain HTTP will do."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def fan_out(site: Site, run: str, cookie: str, options: Namespace) -> Table:
    """Every pace, in turns of the three ways. `run` must be one that nobody trains now."""
    redis_url = json.loads((site.data_dir / "services.json").read_text())["redis_url"]
    title = f"Fan-out alone to {options.watchers} plain clients"
    table = Table(title, notes=NOTES)
    with ExitStack() as stack:
        servers = {
            layer: stack.enter_context(GroupServer(layer, redis_url)) for layer in (CORE, PUBSUB)
        }
        ways = {OURS: (f"{site.url.replace('http://', 'ws://')}/ws/runs/{run}/", site.web_pid())}
        ways |= {layer: (server.socket, server.pid) for layer, server in servers.items()}
        for pace in options.paces:
            seen = take_turns_of(ways, site, run, cookie, pace, options)
            table.rows += rows(pace, seen)
    return table


NOTES = [
    "from just before the sender encodes an episode to the receipt of its first and last message; "
    "percentiles over all episodes and clients of a round, then the median (lowest to highest)",
    "ours crosses the bus once as a packed episode and is split into messages in the web server; "
    "theirs is split by the sender, and each message goes into every watcher's mailbox (core)",
    "delivered: of all episodes times all clients; ours drops on purpose where a client is slow",
    "theirs checks no session and no permission and reads no database",
]


def take_turns_of(
    ways: dict[str, tuple[str, int]],
    site: Site,
    run: str,
    cookie: str,
    pace: float,
    options: Namespace,
) -> dict[str, list[Seen]]:
    order = list(ways)
    seen: dict[str, list[Seen]] = {way: [] for way in ways}
    for number in range(options.rounds):
        for way in order:
            print(f"fan-out, {pace:g}/s, round {number + 1}: {NAMES[way]}", file=sys.stderr)
            socket, pid = ways[way]
            seen[way].append(publish(way, socket, pid, site, run, cookie, pace, options))
        order.reverse()
    return seen


def publish(
    way: str,
    socket: str,
    pid: int,
    site: Site,
    run: str,
    cookie: str,
    pace: float,
    options: Namespace,
) -> Seen:
    """Connect the watchers, publish, and see what arrived."""
    command = [sys.executable, "-m", "benchmarks.streaming.publisher", way, run]
    command += [str(pace), str(options.seconds), str(options.seed)]
    limit_s = options.seconds + START_TIMEOUT_S
    with Watchers(socket, cookie, options.watchers, limit_s=limit_s) as watchers:
        before = cpu_seconds(pid)
        said = subprocess.run(
            command, cwd=ROOT, env=site.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        sent = json.loads(said.stdout)
        used = cpu_seconds(pid) - before
        time.sleep(ARRIVE_S)
    # The newest episode of the publishing before greets a watcher who joins; it is not of this one.
    begun, complete = (
        within(watchers.result[name], sent["first"], sent["last"]) for name in ("begun", "complete")
    )
    if not complete:
        raise SystemExit(f"nothing arrived through {NAMES[way]}")
    return Seen(
        begun_ms=percentile(begun, 50) * 1e3,
        complete_ms=percentile(complete, 50) * 1e3,
        slowest_ms=percentile(complete, 99) * 1e3,
        delivered=100 * len(complete) / (sent["sent"] * options.watchers),
        cores=used / max(sent["last"] - sent["first"], 1e-9),
    )


def rows(pace: float, seen: dict[str, list[Seen]]) -> list[dict]:
    """One row for each way; the ratio is the peer's median divided by ours, round by round."""
    mine = spread(seen[OURS], "complete_ms", "ms")
    found = []
    for way, several in seen.items():
        complete = spread(several, "complete_ms", "ms")
        found.append(
            {
                "episodes/s": pace,
                "through": NAMES[way],
                "first message, p50 ms": spread(several, "begun_ms", "ms"),
                "last message, p50 ms": complete,
                "last message, p99 ms": spread(several, "slowest_ms", "ms"),
                "delivered, %": spread(several, "delivered", "%"),
                "web server's cores": spread(several, "cores", "cores"),
                "its last p50 / ours": ratio(complete, mine) if way != OURS else None,
            }
        )
    return found


def spread(several: list[Seen], name: str, unit: str) -> Spread:
    return Spread(tuple(getattr(one, name) for one in several), unit)
