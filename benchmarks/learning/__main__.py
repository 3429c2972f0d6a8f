"""What agents learn with the shipped settings, judged against scripts on held-out towns.

    python -m benchmarks.learning [--levels L0 L0.5 L1 L2 L3] [--seeds 0 1 2] [--quick]
    python -m benchmarks.learning --levels L0.5 --seeds 0 --variants no-symmetries relu

Trains every level with every seed exactly as `manage.py train town --level ...` would, then plays
1,000 episodes that no training has seen, the same for all, greedily. docs/manual/benchmarks.md
says what is asked of each level. The peers are the scripts: random legal play, waiting, resting,
and the heuristic; on L2 also a feedforward network on the same observations, and on L3 the same
agent with its clock blotted out. The seed with the median survival is judged, all are shown.
--variants trains and plays the level with one of its settings changed as well, to see what that
setting is worth.

A training takes minutes (L0) to hours (L2, L3). It may be stopped at any time: the next call goes
on from its last checkpoint in --folder. The tables of each level are written to
--results/learning-LEVEL.json (with --variants: variants-LEVEL.json) when that level is done.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command import begin, parser_for, positive
from benchmarks.learning.judging import LONG, Play, play
from benchmarks.learning.tables import agent_row, curve_table, gate_rows
from benchmarks.learning.training import (
    FEEDFORWARD,
    SHIPPED,
    VARIANTS,
    Story,
    Task,
    model_file,
    train,
)
from benchmarks.machine import ROOT
from benchmarks.report import Report, Table
from hamlet.envs.town.packs import list_levels
from hamlet.envs.town.policies import POLICIES
from hamlet.errors import SpecError
from hamlet.evaluation.evaluate import EPISODES, EpisodeResults
from hamlet.evaluation.gates import GATES, judge, median_run

RESULTS = ROOT / "benchmarks" / "results"
OTHERS = [name for name in VARIANTS if name != SHIPPED]


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("learning", "Train the shipped levels and judge the agents.", rounds=1)
    parser.add_argument("--levels", nargs="+", default=list(list_levels()), choices=list_levels())
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of training")
    parser.add_argument("--variants", nargs="+", default=[], choices=OTHERS)
    parser.add_argument("--budget", type=positive, help="training episodes; default the level's")
    parser.add_argument("--episodes", type=positive, default=EPISODES, help="held-out episodes")
    parser.add_argument("--jobs", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "benchmarks" / "learning")
    parser.add_argument("--results", type=Path, default=RESULTS)
    quick = {"levels": ["L0"], "seeds": [0], "budget": 5, "episodes": 10}
    options, report = begin(parser, argv, quick=quick)
    if useless := useless_variants(options):
        parser.error("; ".join(useless))
    with ExitStack() as stack:
        if options.quick:
            options.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            options.results = options.folder
        # Fresh processes: a fork of one that has used torch may hang.
        context = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(options.jobs, mp_context=context))
        for level in options.levels:
            name = f"{'variants' if options.variants else 'learning'}-{level}"
            file = options.results / f"{name}.json"
            own = Report(name, options.quick, report.settings, {**report.machine}, file)
            for table in one_level(level, pool, options):
                report.add(table)
                own.keep(table)
            own.close()
    report.end()
    return 0


def useless_variants(options: argparse.Namespace) -> list[str]:
    """Why some would teach nothing; known before the first training of hours."""
    found = []
    for level, name in itertools.product(options.levels, options.variants):
        shipped, changed = (Task(level, variant, 0) for variant in (SHIPPED, name))
        try:
            if changed.spec.hash == shipped.spec.hash:
                found.append(f"{name} changes nothing on {level}")
        except SpecError as error:
            found.append(f"{name} does not fit {level}: {error}")
    return found


def one_level(level: str, pool: ProcessPoolExecutor, options: argparse.Namespace) -> list[Table]:
    """Train what the level's gates need, play, judge."""
    judged = [SHIPPED, *([FEEDFORWARD] if GATES[level].beats_feedforward else [])]
    needed = list(dict.fromkeys([*judged, *options.variants]))
    tasks = [
        Task(level, variant, seed, options.budget) for variant in needed for seed in options.seeds
    ]
    stories = dict(zip(tasks, together(pool, train, tasks, options.folder, options), strict=True))
    results = play_all(level, tasks, pool, options)
    mine = [task for task in tasks if task.variant == SHIPPED]
    median = mine[median_run([results[subject(task, options)] for task in mine])]
    others = {name: results[name] for name in POLICIES}
    if FEEDFORWARD in judged:
        plain = [results[subject(t, options)] for t in tasks if t.variant == FEEDFORWARD]
        others[FEEDFORWARD] = plain[median_run(plain)]
    verdicts = judge(level, results[subject(median, options)], others, seed=options.seed)
    gates = Table(f"Gates on {level}, judged by {median.name}", gate_rows(verdicts))
    return [
        agents_table(level, tasks, stories, results, options),
        gates,
        curve_table(level, stories),
    ]


def subject(task: Task, options: argparse.Namespace) -> str:
    return str(model_file(options.folder, task))


def play_all(
    level: str, tasks: Sequence[Task], pool: ProcessPoolExecutor, options: argparse.Namespace
) -> dict[str, EpisodeResults]:
    """By subject; with `, long` for the longer limit and `, without GROUP` where one was hidden."""
    blotted = GATES[level].ablated_group
    plays: dict[str, Play] = {}
    for name in [*POLICIES, *(subject(task, options) for task in tasks)]:
        one = Play(level, name, options.episodes, options.seed)
        plays[name] = one
        plays[f"{name}, long"] = Play(**{**vars(one), "limit_factor": LONG})
        if blotted and name not in POLICIES:
            plays[f"{name}, without {blotted}"] = Play(**{**vars(one), "zeroed": (blotted,)})
    found = together(pool, play, list(plays.values()), None, options)
    return dict(zip(plays, found, strict=True))


def together(
    pool: ProcessPoolExecutor,
    work: Callable,
    tasks: Sequence[Any],
    folder: Path | None,
    options: argparse.Namespace,
) -> list[Any]:
    """All tasks, as many at a time as there are jobs."""
    more = {"threads": options.threads} | ({"folder": folder} if folder else {})
    return list(pool.map(partial(work, **more), tasks))


def agents_table(
    level: str,
    tasks: Sequence[Task],
    stories: dict[Task, Story],
    results: dict[str, EpisodeResults],
    options: argparse.Namespace,
) -> Table:
    notes = [
        "survival: mean steps of the held-out episodes with a 95 % bootstrap interval; "
        f"long: with {LONG} times the time limit",
        f"training time: wall seconds while {options.jobs} trainings shared the machine, CPU "
        "seconds of the one",
    ]
    table = Table(f"{level}: {options.episodes:,} held-out episodes", notes=notes)
    blotted = GATES[level].ablated_group
    for name in POLICIES:
        table.rows.append(agent_row(name, None, None, results[name], results[f"{name}, long"]))
    for task in tasks:
        file = subject(task, options)
        row = agent_row(
            f"trained, {task.variant}", task, stories[task], results[file], results[f"{file}, long"]
        )
        table.rows.append(row)
        if blotted:
            hidden = results[f"{file}, without {blotted}"]
            table.rows.append(agent_row(f"the same without {blotted}", task, None, hidden, None))
    return table


if __name__ == "__main__":
    sys.exit(main())
