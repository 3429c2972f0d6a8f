"""A load generator: HTTP/1.1 keep-alive over plain sockets, latencies measured at the client.

Small, so that on a shared machine it takes little of what it measures. Every connection sends one
request after the other: as soon as the one before is answered, or at a pace. Of paced requests the
time counts from when they were due, so that a slow answer does not hide those that wait behind it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from benchmarks.measuring import Spread, percentile

T = TypeVar("T")
OK, LOST = 200, 0
LONGEST_S = 30.0  # that one answer may take after the end of a load

# Called with status, body, and when the request was sent and answered (time.perf_counter).
See = Callable[[int, bytes, float, float], None]


@dataclass
class Load:
    """What one load measured.

    Attributes:
        latencies_s: of the answers with status 200, sorted. statuses: how many of each; LOST
            stands for connections that broke. elapsed_s: of the whole, without its warm-up.
    """

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    elapsed_s: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies_s) / self.elapsed_s

    @property
    def errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != OK)

    def percentile_ms(self, percent: float) -> float:
        """Infinite where nothing was answered: no answer is never a fast one."""
        return percentile(self.latencies_s, percent) * 1000 if self.latencies_s else float("inf")

    def __str__(self) -> str:
        return (
            f"{self.per_second:.0f} requests/s, p50 {self.percentile_ms(50):.2f} ms, "
            f"p95 {self.percentile_ms(95):.2f} ms, p99 {self.percentile_ms(99):.2f} ms, "
            f"statuses {dict(self.statuses)}"
        )


def request_bytes(url: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A whole POST of JSON, ready to be sent again and again."""
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a load on the fastest event loop there is, undisturbed by the garbage collector."""
    try:
        from uvloop import new_event_loop
    except ModuleNotFoundError:
        from asyncio import new_event_loop
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(work)
    finally:
        gc.enable()


async def send_load(
    url: str,
    request: bytes,
    *,
    connections: int,
    seconds: float,
    warm_up_s: float = 1.0,
    per_second: float | None = None,
    see: See | None = None,
    stop: asyncio.Event | None = None,
) -> Load:
    """Send `request` over so many connections at once, each as fast as it is answered.

    Args:
        per_second: requests of all connections together, at an even pace in place of that.
        see: is shown every answer, those of the warm-up too. stop: ends it before its time.
    """
    load = Load()
    began = time.perf_counter()
    every_s = connections / per_second if per_second else 0.0
    times = Times(began + warm_up_s, began + warm_up_s + seconds, stop, every_s)
    until = asyncio.timeout_at(asyncio.get_running_loop().time() + warm_up_s + seconds + LONGEST_S)
    async with until:
        await asyncio.gather(
            *(
                _one_connection(url, request, times.from_the(i, connections), load, see)
                for i in range(connections)
            )
        )
    load.elapsed_s = min(time.perf_counter(), times.stop_at) - times.count_from
    load.latencies_s.sort()
    return load


def spread_ms(loads: Sequence[Load], percent: float) -> Spread | None:
    """A percentile of each load. None where one of them has no good answer: that is no time."""
    if not all(load.latencies_s for load in loads):
        return None
    return Spread(tuple(load.percentile_ms(percent) for load in loads), "ms")


@dataclass
class Times:
    """When answers begin to count, and when no more is asked; both by time.perf_counter.

    Attributes: every_s: from one request to the next; 0 asks as soon as the last is answered.
        first_at: when the first is due, where there is a pace.
    """

    count_from: float
    stop_at: float
    stop: asyncio.Event | None = None
    every_s: float = 0.0
    first_at: float = 0.0

    def from_the(self, index: int, connections: int) -> Times:
        """Of one of so many connections, which take turns."""
        first = time.perf_counter() + self.every_s * index / connections
        return replace(self, first_at=first)

    def are_over(self, now: float) -> bool:
        return now >= self.stop_at or (self.stop is not None and self.stop.is_set())


async def ask(url: str, request: bytes) -> tuple[int, bytes]:
    """Send one request. Returns: status and body. Raises: ConnectionError if there is no answer."""
    found: list[tuple[int, bytes]] = []
    now = time.perf_counter()
    await _one_connection(
        *(url, request, Times(now, now + LONGEST_S), Load()),
        lambda status, body, *_: found.append((status, body)),
        most=1,
    )
    if not found:
        raise ConnectionError(f"{url} closed the connection without an answer")
    return found[0]


async def _one_connection(
    url: str,
    request: bytes,
    times: Times,
    load: Load,
    see: See | None,
    most: float = float("inf"),
) -> None:
    """Ask until the time is over, over another connection where one breaks."""
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    while True:
        connection = Connection(request, times, load, see, most)
        try:
            await loop.create_connection(lambda c=connection: c, parts.hostname, parts.port)
        except OSError:
            load.statuses[LOST] += 1
            await asyncio.sleep(0.1)
        else:
            if await connection.ended:
                return
            load.statuses[LOST] += 1
        if times.are_over(time.perf_counter()) or most == 1:
            return


class Connection(asyncio.Protocol):
    """Attributes: ended: true once its time was over, false if the other side closed it."""

    def __init__(
        self,
        request: bytes,
        times: Times,
        load: Load,
        see: See | None,
        most: float,
    ) -> None:
        self._request, self._load, self._see, self._most = request, load, see, most
        self._times, self._due = times, times.first_at
        self._buffer = b""
        self._began = 0.0
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        answer = read_answer(self._buffer)
        if answer is None:
            return
        ended = time.perf_counter()
        self._buffer = b""
        status, body = answer
        if self._times.count_from <= self._began and ended <= self._times.stop_at:
            self._load.statuses[status] += 1
            if status == OK:
                self._load.latencies_s.append(ended - self._began)
        if self._see is not None:
            self._see(status, body, self._began, ended)
        self._most -= 1
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(False)

    def _ask(self) -> None:
        now = time.perf_counter()
        if not self._times.every_s:
            self._send(now)
            return
        due, self._due = self._due, self._due + self._times.every_s
        if due > now:
            asyncio.get_running_loop().call_later(due - now, self._send, due)
        else:
            self._send(due)

    def _send(self, due: float) -> None:
        """Args: due: when it should be sent; now, or a little before."""
        if self._transport.is_closing():
            return
        self._began = due
        if self._most > 0 and not self._times.are_over(time.perf_counter()):
            self._transport.write(self._request)
            return
        self.ended.set_result(True)
        self._transport.close()


def read_answer(data: bytes) -> tuple[int, bytes] | None:
    """Status and body of one answer; None as long as it is not whole."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    status, low, body = int(data[9:12]), data[:head_end].lower(), data[head_end + 4 :]
    start = low.find(b"\r\ncontent-length:")
    if start >= 0:
        end = low.find(b"\r\n", start + 2)
        length = int(low[start + 17 : end if end >= 0 else None])
        return (status, body) if len(body) >= length else None
    if b"\r\ntransfer-encoding: chunked" in low:
        return (status, join_chunks(body)) if body.endswith(b"0\r\n\r\n") else None
    return status, b""


def join_chunks(body: bytes) -> bytes:
    parts = []
    while body:
        size_text, _, rest = body.partition(b"\r\n")
        size = int(size_text, 16)
        parts.append(rest[:size])
        body = rest[size + 2 :]
    return b"".join(parts)
