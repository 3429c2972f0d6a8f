"""What watching a run costs its training, and how late a browser shows it.

    python -m benchmarks.streaming [--quick] [--json FILE]

Starts a platform of its own with `manage.py up` in a temporary folder on 127.0.0.1, trains L1 on it
and lets crowds of watchers take turns: nobody, one, a hundred plain clients, and ninety-nine with
one real Chromium among them. Watchers run on this machine too, at a low priority, since in a class
they are other people's computers.

- First start: from `up` in an empty folder to the first episode in Chromium.
- Slowdown: environment steps per second of the turn, as the run itself wrote them down, against
  the turn without watchers of the same round.
- Latency: from the end of an episode in the trainer to its receipt by each plain client, and to
  the first frame of it in the browser (after requestAnimationFrame).
- Fan-out alone: the same episodes, published at a fixed pace, through our web process and through a
  Channels group with one channels_redis mailbox per watcher.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from benchmarks.command import begin, parser_for
from benchmarks.measuring import Spread, percentile
from benchmarks.report import Cell, Table, verdict
from benchmarks.streaming.fan_out import fan_out
from benchmarks.streaming.first_start import first_start
from benchmarks.streaming.phases import Crowd, Turn, speed, take_turn
from benchmarks.streaming.site import Site

SLOWDOWN_GOAL = 2.0  # percent
LATENCY_GOALS_MS = (250.0, 1000.0)
NOBODY = Crowd("nobody", 0)
CLIENT_PRIORITY = 10


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("streaming", "What watching costs, and how late it is.", rounds=6)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--level", default="L1")
    parser.add_argument(
        "--num-envs", nargs="+", type=int, default=[16, 1], help="environments of each run watched"
    )
    parser.add_argument(
        "--paces", nargs="+", type=float, default=[2.0, 5.0, 10.0], help="episodes/s, fan-out alone"
    )
    parser.add_argument("--warm-up", type=int, default=2000, help="env steps before the first turn")
    quick = {"seconds": 6.0, "watchers": 3, "num_envs": [8], "warm_up": 1200, "paces": [2.0]}
    packages = ["Django", "channels", "daphne", "redis", "channels_redis", "websockets"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    with Site() as site:
        os.nice(CLIENT_PRIORITY)
        cookie = site.sign_in()
        report.add(first_start(site, cookie))
        site.cancel_all_runs()
        for num_envs in options.num_envs:
            run, turns = watch_run(site, cookie, num_envs, options)
            episodes = site.episodes(run, since=turns[0].began)
            report.add(slowdown(num_envs, turns, episodes, options))
            report.add(latency(num_envs, turns, options))
        report.add(fan_out(site, run, cookie, options))
    report.end()
    return 0


def crowds(options: Namespace) -> list[Crowd]:
    many = options.watchers
    return [
        NOBODY,
        Crowd("1 client", 1),
        Crowd(f"{many} clients", many),
        Crowd(f"{many - 1} clients and a browser", many - 1, browser=True),
    ]


def watch_run(site: Site, cookie: str, num_envs: int, options: Namespace) -> tuple[str, list[Turn]]:
    """Train one run and let the crowds take turns. Returns: the run, paused, and the turns."""
    run = site.start_run(
        {
            "system": "town",
            "level": options.level,
            "name": f"benchmark, {num_envs} environments",
            "seed": options.seed,
            "episodes": 1_000_000,
            "training": {"num_envs": num_envs},
        },
        past_env_steps=options.warm_up,
    )
    order, turns = crowds(options), []
    for number in range(options.rounds):
        for crowd in order:
            print(f"round {number + 1}: {crowd.name}", file=sys.stderr)
            turns.append(take_turn(site, run, cookie, crowd, options.seconds))
        order.reverse()
    site.call("POST", f"runs/{run}/pause")
    site.wait_for(run, "paused")  # its last rows are written now
    return run, turns


def slowdown(num_envs: int, turns: list[Turn], episodes: list[dict], options: Namespace) -> Table:
    """Training speed under each crowd, and what it lost against nobody in the same round."""
    title = f"Training {options.level} with {num_envs} environments while watched"
    table = Table(title, notes=SLOWDOWN_NOTES)
    alone = [turn for turn in turns if turn.crowd == NOBODY]
    for crowd in crowds(options):
        mine = [turn for turn in turns if turn.crowd == crowd]
        speeds = Spread(tuple(speed(turn, episodes) for turn in mine), "steps/s")
        lost = more_percent(mine, alone, lambda turn: -speed(turn, episodes))
        work = more_percent(mine, alone, lambda turn: cpu_per_step(turn, episodes))
        judged = crowd.plain == options.watchers
        table.rows.append(
            {
                "watchers": crowd.name,
                "env steps/s": speeds,
                "slower by, %": lost if crowd != NOBODY else None,
                "goal": verdict(lost, SLOWDOWN_GOAL, at_most=True) if judged else "-",
                "more worker CPU per step, %": work if crowd != NOBODY else None,
                **{
                    f"cores: {part}": sum(turn.cores[part] for turn in mine) / len(mine)
                    for part in mine[0].cores
                },
            }
        )
    return table


SLOWDOWN_NOTES = [
    "each cell: median (lowest to highest) of the rounds; a negative loss is chance",
    "watchers share the machine's cores with the platform; with all cores busy that shows in "
    "`slower by`, but not in the worker's CPU time per step, which is what streaming itself costs",
]


def more_percent(mine: list[Turn], alone: list[Turn], figure: Callable[[Turn], float]) -> Spread:
    """By how many percent a figure is above that of the turn without watchers, round by round."""
    pairs = zip(mine, alone, strict=True)
    return Spread(
        tuple(100 * (figure(one) - figure(other)) / abs(figure(other)) for one, other in pairs),
        "%",
    )


def cpu_per_step(turn: Turn, episodes: list[dict]) -> float:
    """Core seconds of the training worker for one environment step."""
    return turn.cores["training worker"] / speed(turn, episodes)


def latency(num_envs: int, turns: list[Turn], options: Namespace) -> Table:
    """Seconds from the end of an episode, over all turns of each crowd, in milliseconds."""
    title = (
        f"From an episode's end to the watcher, {options.level} with {num_envs} environments, ms"
    )
    table = Table(title, notes=LATENCY_NOTES)
    for crowd in crowds(options)[1:]:
        mine = [turn for turn in turns if turn.crowd == crowd]
        received = [delay for turn in mine for delay in turn.received]
        table.rows.append(latency_row(crowd.name, "received by plain clients", received))
        if crowd.browser:
            seen = [timing for turn in mine for timing in turn.drawn]
            drawn = [t["drawn_at"] - t["ended_at"] for t in seen if t["drawn_at"]]
            arrived = [t["received_at"] - t["ended_at"] for t in seen]
            table.rows.append(latency_row(crowd.name, "received by the browser", arrived))
            row = latency_row(crowd.name, "first frame in the browser", drawn)
            table.rows.append(row | {"goal": goals(drawn)})
            table.notes = [
                *table.notes,
                f"{len(seen) - len(drawn)} of {len(seen)} episodes were "
                "followed by a newer one before their first frame",
            ]
    return table


LATENCY_NOTES = [
    "percentiles by nearest rank over every episode and client of all rounds; clocks are one "
    "machine's, the browser's is compared with it at the start",
]


def latency_row(crowd: str, what: str, delays: list[float]) -> dict[str, Cell]:
    found = (
        {f"p{share}": percentile(delays, share) * 1e3 for share in (50, 95, 99)} if delays else {}
    )
    most = max(delays) * 1e3 if delays else None
    return {
        "watchers": crowd,
        "what": what,
        "samples": len(delays),
        **found,
        "most": most,
        "goal": "-",
    }


def goals(drawn: list[float]) -> str:
    """Both goals for the 99th percentile; no sample is never a pass."""
    if not drawn:
        return "NOT met: no frame was drawn"
    found = Spread((percentile(drawn, 99) * 1e3,), "ms")
    return "; ".join(verdict(found, goal, at_most=True) for goal in LATENCY_GOALS_MS)


if __name__ == "__main__":
    sys.exit(main())
