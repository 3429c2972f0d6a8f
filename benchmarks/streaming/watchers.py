"""Many plain WebSocket clients in one process, each behaving as the page does.

    python -m benchmarks.streaming.watchers URL COUNT LIMIT_S        (cookie on stdin)

Prints `connected` once all are in, works until stdin closes or LIMIT_S have passed, then prints
one line of JSON: `begun` and `complete`, for every client and live episode the moment its first and
its last message came and the seconds since the episode's end; `messages` and `gaps` (in the numbers
of messages), counted over all clients.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import orjson

from benchmarks.machine import ROOT
from benchmarks.peers import missing

try:
    import websockets
except ModuleNotFoundError as error:
    raise missing(error) from None

MOST_CLIENTS, MOST_SECONDS = 500, 3600
CONNECT_AT_ONCE = 10


class Watching:
    """What all clients of the process saw."""

    def __init__(self) -> None:
        self.begun: list[tuple[float, float]] = []
        self.complete: list[tuple[float, float]] = []
        self.messages = self.gaps = 0
        self._ended_at: dict[int, float] = {}  # episode -> when it ended in the trainer

    def saw(self, message: dict[str, Any], expected_seq: int) -> None:
        self.messages += 1
        self.gaps += message.get("seq", expected_seq) != expected_seq
        if message["type"] == "episode_start" and message.get("mode") == "live_training":
            self._ended_at[message["episode_id"]] = message["ended_at"]
            self.begun.append(self._delay(message))
        elif message["type"] == "episode_end" and message["episode_id"] in self._ended_at:
            self.complete.append(self._delay(message))

    def _delay(self, message: dict[str, Any]) -> tuple[float, float]:
        now = time.time()
        return now, now - self._ended_at[message["episode_id"]]

    def to_data(self) -> dict[str, Any]:
        return {
            "begun": self.begun,
            "complete": self.complete,
            "messages": self.messages,
            "gaps": self.gaps,
        }


async def watch(url: str, cookie: str, seen: Watching, ready: asyncio.Event) -> None:
    """One client: reads everything, acknowledges as the server asks."""
    origin = url.replace("ws://", "http://").split("/ws/")[0]
    async with websockets.connect(
        url,
        additional_headers={"Cookie": cookie},
        origin=origin,
        compression=None,  # as browsers get it: the server offers none
        max_size=2**24,
        ping_interval=None,
    ) as socket:
        last_seq = unacknowledged = size = 0
        limits = {"messages": 1, "bytes": 1}
        async for text in socket:
            message = orjson.loads(text)
            seen.saw(message, last_seq + 1)
            last_seq = message.get("seq", last_seq + 1)
            if message["type"] == "connected":
                limits = message["acknowledge"]
                ready.set()
            unacknowledged, size = unacknowledged + 1, size + len(text)
            if unacknowledged >= limits["messages"] or size >= limits["bytes"]:
                await socket.send(json.dumps({"type": "ack", "seq": last_seq}))
                unacknowledged = size = 0


async def watch_all(url: str, cookie: str, count: int, limit_s: float) -> Watching:
    """`count` clients until stdin closes or the limit has passed."""
    seen = Watching()
    tasks: list[asyncio.Task] = []
    for first in range(0, count, CONNECT_AT_ONCE):
        ready = [asyncio.Event() for _ in range(min(CONNECT_AT_ONCE, count - first))]
        tasks += [asyncio.create_task(watch(url, cookie, seen, event)) for event in ready]
        waits = [asyncio.create_task(event.wait()) for event in ready]
        await first_failure(tasks, waits)
    print("connected", flush=True)
    closed = asyncio.create_task(stdin_closed())
    done, _ = await asyncio.wait(
        [closed, *tasks], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
    )
    for task in done & set(tasks):
        task.result()  # raises what ended it
        raise SystemExit("the server closed a socket while we were watching")
    for task in (closed, *tasks):
        task.cancel()
    await asyncio.gather(closed, *tasks, return_exceptions=True)
    return seen


async def stdin_closed() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await reader.read()


async def first_failure(tasks: list[asyncio.Task], waits: list[asyncio.Task]) -> None:
    """Wait until all of `waits` are done, or raise what ended one of `tasks`."""
    pending = set(waits)
    while pending:
        done, _ = await asyncio.wait(
            {*pending, *tasks}, return_when=asyncio.FIRST_COMPLETED, timeout=60
        )
        for task in done & set(tasks):
            task.result()
            raise SystemExit("the server closed a socket at once; may this user see the run?")
        if not done:
            raise SystemExit("the server did not greet a new watcher within 60 s")
        pending -= done


class Watchers:
    """Context manager around such a process, for the benchmark that wants watchers."""

    def __init__(self, url: str, cookie: str, count: int, *, limit_s: float) -> None:
        self.count = count
        self._command = [sys.executable, "-m", "benchmarks.streaming.watchers", url]
        self._command += [str(count), str(limit_s)]
        self._cookie = cookie
        self.result: dict[str, Any] = Watching().to_data()

    def __enter__(self) -> Watchers:
        self._process = None
        if self.count == 0:
            return self
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process.stdin.write(self._cookie + "\n")
        self._process.stdin.flush()
        greeting = self._process.stdout.readline().strip()
        if greeting != "connected":
            self._process.kill()
            self._process.wait()
            raise SystemExit(f"the watchers did not get in: {greeting or 'see above'}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        try:
            said, _ = self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise SystemExit("the watchers did not stop") from None
        if self._process.returncode == 0:
            self.result = json.loads(said)
        else:
            raise SystemExit("the watchers failed; see above")


def main() -> int:
    url, count, limit_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    if not url.startswith("ws://127.0.0.1:"):
        raise SystemExit("these clients are for a server of our own on 127.0.0.1")
    cookie = sys.stdin.readline().strip()
    seen = asyncio.run(watch_all(url, cookie, min(count, MOST_CLIENTS), min(limit_s, MOST_SECONDS)))
    print(json.dumps(seen.to_data()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
