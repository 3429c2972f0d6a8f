"""Pages and API calls as a browser and a program ask for them, and how long each takes."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from benchmarks.measuring import Spread, percentile

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Question:
    """One address. goal_ms: what the 95th percentile may be; None where it is only shown."""

    what: str
    path: str
    goal_ms: float | None = 300.0


@dataclass(frozen=True)
class Answered:
    """Milliseconds of each round's 50th and 95th percentile, and bytes of one answer."""

    p50: Spread
    p95: Spread
    size: int


class Asker:
    """One kept connection to the web process, signed in."""

    def __init__(self, url: str, cookie: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self.headers = {"Cookie": cookie, "Accept": "text/html, application/json"}

    def ask(self, path: str) -> bytes:
        """Raises: SystemExit unless the answer is good."""
        self.connection.request("GET", path, headers=self.headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"GET {path[:200]}: {response.status} {body[:500]!r}")
        return body

    def timed_ms(self, path: str) -> tuple[float, int]:
        start = time.perf_counter()
        body = self.ask(path)
        return (time.perf_counter() - start) * 1e3, len(body)


def measure(
    asker: Asker, questions: Sequence[Question], rounds: int, repetitions: int
) -> list[Answered]:
    """Ask every question in turn, `repetitions` times a round, after one turn to warm up."""
    sizes = [asker.timed_ms(question.path)[1] for question in questions]
    found: list[list[list[float]]] = [[] for _ in questions]
    for _ in range(rounds):
        times: list[list[float]] = [[] for _ in questions]
        for _ in range(repetitions):
            for index, question in enumerate(questions):
                times[index].append(asker.timed_ms(question.path)[0])
        for index, values in enumerate(times):
            found[index].append(values)
    return [
        Answered(spread(values, 50), spread(values, 95), size)
        for values, size in zip(found, sizes, strict=True)
    ]


def spread(rounds: Sequence[Sequence[float]], share: float) -> Spread:
    return Spread(tuple(percentile(values, share) for values in rounds), "ms")


def q(path: str, query: str) -> str:
    return f"{path}?q={quote(query)}"
