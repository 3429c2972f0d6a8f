"""Reads about runs. Who may see what is the queryset that everything else starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Extract, Now

from hamlet.errors import Problem, SpecError
from hamlet.recording import Episode, decode_episode
from hamlet.schema import describe
from registry.accounts.queries import owned_or_shared, owned_or_taught
from registry.accounts.roles import is_admin, is_instructor
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint, User
from training.errors import ReplayUnreadableError
from training.models import EpisodeSummary, Replay, Run, RunEvent, RunStatus

MAX_POINTS = 2000
NEWEST_FIRST = ("-created_at", "-id")
REPLAYS_NEWEST_FIRST = ("-number",)


def visible_runs(user: User | AnonymousUser) -> QuerySet[Run]:
    """Everything for admins; else one's own runs and those of the classes one is in."""
    runs = Run.objects.select_related("owner", "classroom", "model", "version__model", "brain")
    if is_admin(user):
        return runs
    if not user.is_authenticated:
        return runs.none()
    return runs.filter(owned_or_shared(user))


def may_steer(user: User | AnonymousUser, run: Run) -> bool:
    """Whether the user may pause, resume and cancel the run: its owner, who teaches its class."""
    if is_admin(user):
        return True
    if not is_instructor(user) or not user.has_perm("training.change_run"):
        return False
    return Run.objects.filter(owned_or_taught(user), pk=run.pk).exists()


def run_snapshot(run: Run) -> dict[str, Any]:
    """Everything a page or program shows of one run, as plain data, fresh from the database.

    Times are ISO 8601 in UTC. `heartbeat_age_s` and `waiting_s` are by the database's clock;
    None where the run is not running, or not waiting.
    """
    run = (
        Run.objects.select_related("owner", "classroom", "model", "version__model", "brain")
        .annotate(
            silent=Extract(Now() - F("heartbeat_at"), "epoch"),
            waits=Extract(Now() - F("queued_at"), "epoch"),
        )
        .get(pk=run.pk)
    )
    running, queued = run.status == RunStatus.RUNNING, run.status == RunStatus.QUEUED
    return {
        **run_summary(run),
        "seed": run.spec["seed"],
        "trainer": run.spec["trainer"],
        "spec_hash": run.spec_hash,
        "queue": run.queue,
        "attempts": run.attempts,
        "heartbeat_age_s": float(run.silent) if running and run.silent is not None else None,
        "waiting_s": float(run.waits) if queued else None,
        "stage": current_stage(run.pk),
        "metrics": run.latest_metrics,
        "episodes_dropped": run.episodes_dropped,
        "replays": run.replays.count(),
    }


def run_summary(run: Run) -> dict[str, Any]:
    """One row of a list of runs, as plain data. No further query for runs of `visible_runs`."""
    return {
        "id": str(run.pk),
        "name": run.name,
        "system": run.system,
        "level": run.level,
        "status": run.status,
        "wish": run.wish,
        "reason": run.reason,
        "done": run.done,
        "total": run.total,
        "unit": run.unit,
        "owner": run.owner.username if run.owner else None,
        "classroom": run.classroom.name if run.classroom else None,
        "brain": run.brain.name if run.brain else None,
        "model": run.model.name if run.model else None,
        "version": run.version.number if run.version else None,
        "created_at": stamp(run.created_at),
        "started_at": stamp(run.started_at),
        "ended_at": stamp(run.ended_at),
    }


def stamp(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def current_stage(run_id: UUID) -> int | None:
    """The curriculum's stage after its last change; None before the first."""
    event = (
        RunEvent.objects.filter(run_id=run_id, kind=RunEvent.Kind.STAGE)
        .order_by("-at_unit", "-pk")
        .first()
    )
    return event.data["new"] if event else None


def run_events(run: Run, limit: int = 100) -> list[dict[str, Any]]:
    """The newest things that happened to the run, newest first."""
    return [
        {
            "kind": event.kind,
            "old_status": event.old_status,
            "new_status": event.new_status,
            "text": event.text,
            "at": event.at_unit,
            "data": event.data,
            "actor": event.actor.username if event.actor else None,
            "happened_at": stamp(event.happened_at),
        }
        for event in run.events.select_related("actor")[:limit]
    ]


def metric_names(run: Run) -> list[str]:
    """Names that the run has reported, in alphabetical order."""
    return sorted(run.latest_metrics)


def metric_series(
    run: Run, names: Sequence[str] | None = None, max_points: int = 500, first: int = 0
) -> dict[str, dict[str, list]]:
    """Metrics for charts: `{name: {"at": [...], "value": [...]}}`, at most `max_points` a name.

    Where there are more, neighbours are averaged and stand at the last of them. Names that were
    never reported are left out; None means all. `first`: units of progress; earlier ones are left
    out.
    """
    wanted = list(names) if names is not None else metric_names(run)
    width = bucket_width(run.done - first, max_points)
    query = (
        "SELECT name, max(at), avg(value) FROM training_metricpoint WHERE run_id = %s "
        "AND name = ANY(%s) AND at >= %s GROUP BY name, (at + %s) / %s ORDER BY 1, 2"
    )
    series: dict[str, dict[str, list]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query, [run.pk, wanted, first, width - 1, width])
        for name, at, value in cursor.fetchall():
            columns = series.setdefault(name, {"at": [], "value": []})
            columns["at"].append(at)
            columns["value"].append(finite(value))
    return series


def episode_series(run: Run, max_points: int = 500) -> dict[str, list]:
    """Survival and score along the run, thinned as `metric_series` does it.

    Returns: columns `number`, `survival_steps`, `score`, `stage` of one length.
    """
    query = (
        "SELECT max(number), avg(survival_steps)::float8, avg(score), max(stage) "
        "FROM training_episodesummary WHERE run_id = %s GROUP BY (number + %s) / %s ORDER BY 1"
    )
    names = ("number", "survival_steps", "score", "stage")
    columns: dict[str, list] = {name: [] for name in names}
    with connection.cursor() as cursor:
        # Numbers have no gaps, so the highest says how many there are.
        cursor.execute(
            "SELECT max(number) FROM training_episodesummary WHERE run_id = %s", [run.pk]
        )
        width = bucket_width(cursor.fetchone()[0] or 0, max_points)
        cursor.execute(query, [run.pk, width - 1, width])
        for row in cursor.fetchall():
            for name, value in zip(names, row, strict=True):
                columns[name].append(finite(value))
    return columns


def bucket_width(last: int, max_points: int) -> int:
    return max(1, -(-last // max_points))


def finite(value: float) -> float | None:
    """JSON knows neither NaN nor infinity; a chart shows a gap."""
    return value if math.isfinite(value) else None


def episode_list(run: Run) -> QuerySet[EpisodeSummary]:
    return run.episodes.order_by("-number")


def episode_data(episode: EpisodeSummary) -> dict[str, Any]:
    return {
        "number": episode.number,
        "survival_steps": episode.survival_steps,
        "score": finite(episode.score),
        "stage": episode.stage,
        "reason": episode.reason,
        "summary": episode.summary,
        "ended_at": stamp(episode.ended_at),
    }


REPLAY_FILTERS = {
    "stage": "stage",
    "min_number": "number__gte",
    "max_number": "number__lte",
    "min_survival_steps": "survival_steps__gte",
    "max_survival_steps": "survival_steps__lte",
}


def replay_list(run: Run, filters: Mapping[str, Any] | None = None) -> QuerySet[Replay]:
    """Kept episodes, newest first.

    Args:
        filters: whole numbers under the names of REPLAY_FILTERS, and `reason`, text that stands
            somewhere in the reasons for keeping the episode, in capitals or not.

    Raises: SpecError naming every filter that does not exist or has no whole number.
    """
    replays, problems = run.replays.order_by(*REPLAYS_NEWEST_FIRST), []
    for name, value in (filters or {}).items():
        path = f"filters.{name}"
        if name == "reason" and isinstance(value, str):
            replays = replays.filter(reasons__icontains=value[:60])
        elif name not in REPLAY_FILTERS:
            known = ", ".join((*REPLAY_FILTERS, "reason"))
            problems.append(Problem(path, f"unknown filter; expected one of {known}"))
        elif isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            problems.append(Problem(path, f"found {describe(value)}; expected a whole number"))
        else:
            replays = replays.filter(**{REPLAY_FILTERS[name]: value})
    if problems:
        raise SpecError(problems)
    return replays


def replay_data(replay: Replay) -> dict[str, Any]:
    return {
        "number": replay.number,
        "survival_steps": replay.survival_steps,
        "score": finite(replay.score),
        "stage": replay.stage,
        "reasons": replay.reasons,
        "ended_at": stamp(replay.ended_at),
    }


def read_replay(replay: Replay) -> Episode:
    """Raises: ReplayUnreadableError if the stored file is damaged."""
    try:
        return decode_episode(open_artifact(replay.artifact))
    except (ArtifactDamagedError, ValueError) as error:
        raise ReplayUnreadableError(
            f"episode {replay.number} cannot be shown: {error} Choose another one."
        ) from error


def checkpoint_list(run: Run, kind: str | None = None) -> QuerySet[Checkpoint]:
    """Saved checkpoints of the run, newest first."""
    found = Checkpoint.objects.filter(run_id=run.pk).select_related("artifact")
    return found.filter(kind=kind) if kind else found


def checkpoint_data(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "kind": checkpoint.kind,
        "at": checkpoint.at,
        "size_bytes": checkpoint.artifact.size_bytes,
        "sha256": checkpoint.artifact.sha256,
        "metadata": checkpoint.metadata,
        "created_at": stamp(checkpoint.created_at),
    }
