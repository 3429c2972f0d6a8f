"""Runs beside each other: what they were asked, what came of it. training.curves has the curves."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from hamlet.systems import SYSTEMS
from registry.comparing.choosing import check_count, in_asked_order, newest_found
from registry.comparing.subjects import SEED, Subject
from registry.models import User
from training.models import Run
from training.queries import NEWEST_FIRST, stamp, visible_runs
from training.searching import RUNS

MOST_RUNS = 200


def compared_runs(user: User | AnonymousUser) -> QuerySet[Run]:
    """`visible_runs` without what a comparison does not show: versions and brains are long."""
    return visible_runs(user).select_related(None).select_related("owner")


def runs_named(user: User | AnonymousUser, keys: Sequence[str]) -> list[Run]:
    """Runs by their ids, in that order; what is no id or cannot be seen is left out.

    Raises: SpecError for too many of them.
    """
    check_count(keys, MOST_RUNS, "runs")
    ids = [run_id for run_id in map(read_id, keys) if run_id is not None]
    rows = compared_runs(user).filter(pk__in=ids)
    return in_asked_order(rows, list(dict.fromkeys(map(str, ids))), lambda run: str(run.pk))


def read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def newest_runs_found(request: HttpRequest) -> list[Run]:
    """Those that the query of the request finds. Raises: SearchError."""
    return newest_found(request, compared_runs(request.user), NEWEST_FIRST, RUNS, MOST_RUNS)


def subject_of(run: Run) -> Subject:
    spec = run.spec
    return Subject(
        key=str(run.pk),
        name=run.name,
        url=page_of_run(run),
        parameters={
            SEED: spec.get("seed"),
            "budget": spec.get("budget"),
            "trainer": spec.get("trainer"),
            **spec.get("content", {}),
        },
        metrics=run.latest_metrics,
        facts={
            "system": run.system,
            "level": run.level,
            "status": run.status,
            "done": run.done,
            "total": run.total,
            "owner": run.owner.username if run.owner else None,
            "created_at": stamp(run.created_at),
        },
    )


def page_of_run(run: Run) -> str:
    """The page stands above us; where it is not served there is the API's own address."""
    try:
        return reverse("live:run", args=[run.pk])
    except NoReverseMatch:
        return reverse("api-run", args=[run.pk])


def curve_names(runs: Sequence[Run]) -> list[str]:
    """Metrics that any of the runs has reported, the scores of their systems first."""
    names = {name for run in runs for name in run.latest_metrics}
    scores = {SYSTEMS[run.system].score for run in runs if run.system in SYSTEMS}
    first = {score.metric for score in scores if score and score.metric in names}
    return [*sorted(first), *sorted(names - first)]
