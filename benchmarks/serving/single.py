"""One question at a time from each of 1, 8 or 32 connections: how many, and how soon."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmarks.measuring import Spread, ratio, take_turns
from benchmarks.report import Cell, Table, verdict
from benchmarks.serving.contestants import BENTOML, FASTAPI, MLFLOW, OURS, Contestant
from benchmarks.serving.load import Load, run, send_load, spread_ms

P50_GOAL_MS, P99_GOAL_MS, JUDGED_CONNECTIONS = 5.0, 20.0, 8
# Ours against each: at least so many times as fast.
GOALS = {FASTAPI: 1.0, MLFLOW: 3.0, BENTOML: 1.0}


class Turns:
    """All turns of all contestants with so many connections."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.loads: dict[str, list[Load]] = defaultdict(list)
        self.cpu_us: dict[str, list[float]] = defaultdict(list)
        self.per_second: dict[str, Spread] = {}

    def take(self, contestants: Sequence[Contestant], options: Namespace) -> None:
        turns = {one.name: self._turn(one, options) for one in contestants}
        self.per_second = take_turns(turns, options.rounds, unit="1/s")

    def _turn(self, contestant: Contestant, options: Namespace) -> Callable[[], float]:
        def measure() -> float:
            server = contestant.server
            with server.turn():
                run(self._send(contestant, seconds=0.0, warm_up_s=options.warm_up))
                before = server.cpu_seconds()
                load = run(self._send(contestant, seconds=options.seconds, warm_up_s=0.0))
                spent = server.cpu_seconds() - before
            self.loads[server.name].append(load)
            self.cpu_us[server.name].append(spent * 1e6 / max(len(load.latencies_s), 1))
            return load.per_second

        return measure

    async def _send(self, contestant: Contestant, **times: float) -> Load:
        return await send_load(
            contestant.url, contestant.request, connections=self.connections, **times
        )

    def milliseconds(self, name: str, percent: float) -> Spread | None:
        return spread_ms(self.loads[name], percent)

    def against(self, peer: str) -> Spread | None:
        """How many times as many requests per second we answer; None where it answered none."""
        theirs = self.per_second[peer]
        return ratio(self.per_second[OURS], theirs) if theirs.low > 0 else None

    def errors(self, name: str) -> int:
        return sum(load.errors for load in self.loads[name])

    def table(self, missing: dict[str, list[str]], title: str = "Single predictions") -> Table:
        table = Table(f"{title}, {self.connections} at once", notes=NOTES)
        for name, speed in self.per_second.items():
            table.rows.append(
                {
                    "server": name,
                    "requests/s": speed,
                    **{f"p{p}, ms": self.milliseconds(name, p) for p in (50, 95, 99)},
                    "errors": self.errors(name),
                    "server CPU per request, us": Spread(tuple(self.cpu_us[name]), "us"),
                    "ours / it": None if name == OURS else self.against(name),
                }
            )
        for name, packages in missing.items():
            lacks = f"not installed: {', '.join(packages)}"
            table.rows.append({"server": name, "requests/s": lacks})
        return table


NOTES = [
    "each cell: median (lowest to highest) of the rounds; percentiles by nearest rank, by round",
    "only answers with status 200 count; before the first turn the answer of each is compared with "
    "ONNX Runtime's own, and one that differs by more than 1e-5 ends the benchmark",
    "server CPU: user and system time of all processes of that server, by the kernel's clock of "
    "10 ms; it hardly feels what else runs on the machine",
]


def judge(turns: Sequence[Turns], missing: dict[str, list[str]]) -> Table:
    """The goals for latency and against the peers. A peer that is missing is never beaten."""
    table = Table("Goals of single predictions")
    for taken in turns:
        many = f"{taken.connections} at once"
        if taken.connections == JUDGED_CONNECTIONS:
            for percent, goal in ((50, P50_GOAL_MS), (99, P99_GOAL_MS)):
                found = taken.milliseconds(OURS, percent)
                said = judged(found, goal, at_most=True)
                table.rows.append(row(f"ours, p{percent} in ms, {many}", found, said))
        for peer, goal in GOALS.items():
            what = f"ours / {peer}, {many}"
            if peer in missing:
                lacks = f"not installed: {', '.join(missing[peer])}"
                table.rows.append(row(what, None, f"NOT met: {lacks}"))
            else:
                found = taken.against(peer)
                table.rows.append(row(what, found, judged(found, goal)))
        failed = taken.errors(OURS)
        said = "goal 0: met" if not failed else "goal 0: NOT met"
        table.rows.append(row(f"ours, errors, {many}", failed, said))
    return table


def judged(found: Spread | None, goal: float, *, at_most: bool = False) -> str:
    return verdict(found, goal, at_most=at_most) if found else "NOT met: nothing was answered"


def row(what: str, found: Cell, said: str) -> dict[str, Cell]:
    return {"what": what, "measured": found, "goal": said}
