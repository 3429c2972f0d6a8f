"""What the live pages show beside what training tells: paces, choices, and rows for charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from hamlet.errors import SpecError
from hamlet.layout import ObservationLayout
from hamlet.recording.keeper import EVERY, SCORE_WINDOW
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS
from registry.models import Checkpoint, User
from training import queries
from training.models import EpisodeSummary, Run, RunStatus, Wish
from training.searching import listed_runs

CHART_POINTS = 1000
REPLAYS_SHOWN = 50
EVENTS_SHOWN = 50
CHECKPOINTS_SHOWN = 6
PACE_UNITS = 5  # checkpoints, where progress counts something slower than episodes
PACE_EPISODES = 200  # the pace is taken over so many episodes, as a person feels it

KEEP_REASONS = (
    f"every {EVERY}th",
    f"best of {SCORE_WINDOW}",
    f"worst of {SCORE_WINDOW}",
    "before stage change",
    "after stage change",
)


@dataclass(frozen=True)
class Action:
    """Something a person may ask of a run: a button."""

    route: str
    words: str
    style: str = ""
    confirm: str = ""


PAUSE = Action("live:pause-run", "Pause")
RESUME = Action("live:resume-run", "Go on", "primary")
RETRY = Action("live:resume-run", "Try again", "primary")
CANCEL = Action(
    "live:cancel-run", "Cancel", "danger", "Cancel this run? It saves a checkpoint and ends."
)


def observation_layout(run: Run) -> ObservationLayout | None:
    """What each number of an observation and each action number means, by the run's own spec.

    None where its system has no layout, or is none that this version of the platform can read.
    """
    system = SYSTEMS.get(run.system)
    try:
        return system.observation_layout(RunSpec.from_data(run.spec)) if system else None
    except SpecError:
        return None


def actions_for(user: User | AnonymousUser, run: Run) -> list[Action]:
    """The buttons that this person gets for the run as it stands; training decides in the end."""
    if not queries.may_steer(user, run):
        return []
    if run.status == RunStatus.RUNNING:
        if run.wish == Wish.CANCEL:
            return []
        return [RESUME if run.wish == Wish.PAUSE else PAUSE, CANCEL]
    return {
        RunStatus.QUEUED: [PAUSE, CANCEL],
        RunStatus.PAUSED: [RESUME, CANCEL],
        RunStatus.FAILED: [RETRY],
    }.get(run.status, [])


def pace_words(run: Run) -> str:
    """How fast a running run goes and how long it still takes; empty where nobody can say."""
    if run.status != RunStatus.RUNNING:
        return ""
    if SYSTEMS[run.system].episode != run.unit:
        return pace_of_units(run)
    ends = EpisodeSummary.objects.filter(run=run)
    newest = ends.order_by("-number").values_list("number", "ended_at").first()
    if newest is None or newest[0] < 3:
        return ""
    oldest = ends.filter(number__gte=newest[0] - PACE_EPISODES)
    first = oldest.order_by("number").values_list("number", "ended_at").first()
    seconds = (newest[1] - first[1]).total_seconds()
    if seconds <= 0:
        return ""
    return spell_both((newest[0] - first[0]) / seconds, run)


def pace_of_units(run: Run) -> str:
    """Between the newest checkpoints, where episodes are not what progress counts."""
    saved = Checkpoint.objects.filter(run_id=run.pk, kind=Checkpoint.Kind.INFERENCE, at__gt=0)
    newest = list(saved.order_by("-at").values_list("at", "created_at")[:PACE_UNITS])
    if len(newest) < 2:
        return ""
    (last, ended), (first, began) = newest[0], newest[-1]
    seconds = (ended - began).total_seconds()
    return spell_both((last - first) / seconds, run) if seconds > 0 else ""


def spell_both(pace: float, run: Run) -> str:
    """Args: pace: finished units of progress per second, above 0."""
    left = (run.total - run.done) / pace
    return f"{spell_pace(pace, run.unit)}, about {spell_seconds(left)} left"


def spell_pace(per_second: float, unit: str) -> str:
    if per_second >= 1:
        return f"{per_second:.1f} {unit}s a second"
    return f"{per_second * 60:.1f} {unit}s a minute"


def spell_seconds(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {name}s"
    return f"{max(1, seconds):.0f} seconds"


def chart_data(run: Run) -> dict[str, Any]:
    """Curves so far, for the scripts of the page, and which of them tells whether it learns."""
    return {
        "score": score_data(run),
        "episodes": queries.episode_series(run, max_points=CHART_POINTS),
        "metrics": queries.metric_series(run, max_points=500),
    }


def score_data(run: Run) -> dict[str, Any] | None:
    """What the run's system says of its score; None for a system that has none."""
    score = SYSTEMS[run.system].score
    if score is None:
        return None
    return {
        "field": score.field,
        "title": score.title,
        "unit": score.unit,
        "meaning": score.meaning,
        "limit": score.highest(run.spec.get("content", {})),
    }


def newest_checkpoints(run: Run) -> list[Checkpoint]:
    """The newest of both kinds, inference first: those are the ones to take home.

    Each has `name`, that of the file when it is downloaded.
    """
    inference = queries.checkpoint_list(run, Checkpoint.Kind.INFERENCE)[: CHECKPOINTS_SHOWN - 1]
    found = [*inference, *queries.checkpoint_list(run, Checkpoint.Kind.TRAINING)[:1]]
    for checkpoint in found:
        checkpoint.name = file_name(run, checkpoint)
    return found


def file_name(run: Run, checkpoint: Checkpoint) -> str:
    # The id is safe in a header and on any disk; a person's name for a run may not be.
    return f"{run.system}-{str(run.pk)[:8]}-{checkpoint.kind}-{checkpoint.at}.safetensors"


def newest_episode(run: Run) -> int | None:
    return run.episodes.order_by("-number").values_list("number", flat=True).first()


def filtered_runs(user: User | AnonymousUser, status: str, system: str) -> QuerySet[Run]:
    runs = listed_runs(user)
    if status in RunStatus.values:
        runs = runs.filter(status=status)
    if system in SYSTEMS:
        runs = runs.filter(system=system)
    return runs
