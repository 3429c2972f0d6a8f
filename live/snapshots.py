"""What the database says of a run, as messages: on joining, and again while it goes on.

Everything here is synchronous and reads the database; the sockets call it in a thread.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from django.template.loader import render_to_string

from hamlet.schema import content_hash
from live import queries as live_queries
from live.encoding import REPLAY, EncodedEpisode, Message, encode_for_watchers, message
from live.protocol import ACKNOWLEDGE
from training import queries
from training.errors import ReplayUnreadableError
from training.models import EpisodeSummary, Replay, Run

MOST_SUMMARIES = 2000
MOST_LISTED = 200


class Source(Protocol):
    """What a pulse needs of the feed that it beats for."""

    newest: EncodedEpisode | None
    dropped: int


class Pulse:
    """Finds out what is new of a run since the last time."""

    def __init__(self, run_id: UUID) -> None:
        self.run_id = run_id
        # The newest that was told: an episode's number, and the place of each metric by its name.
        self._episode: int | None = None
        self._metric_at: dict[str, int] = {}
        self._last_status: tuple[Any, ...] = ()
        self._replays = -1
        self._newest: int | None = None

    def notices(self, source: Source) -> list[tuple[str, Message]]:
        """(kind, message) for each kind that has news."""
        run = Run.objects.filter(pk=self.run_id).first()
        if run is None:
            return []
        found = []
        if (notice := self._curves(run, source)) is not None:
            found.append(("metrics", notice))
        standing = (run.status, run.wish, run.done, run.reason)
        if standing != self._last_status:
            self._last_status = standing
            found.append(("status", status_message(run)))
        return found

    def _curves(self, run: Run, source: Source) -> Message | None:
        new = self._untold(run)
        replays = self._replays
        if new.episodes["number"] or replays < 0:
            replays = run.replays.count()
        known = (replays, source.newest.number if source.newest else None)
        if new.empty and known == (self._replays, self._newest):
            return None
        self._replays, self._newest = known
        return metrics_message(source, new, replays)

    def _untold(self, run: Run) -> Curves:
        if self._episode is None:
            # Who joins asks for what was before.
            self._episode = live_queries.newest_episode(run) or 0
            self._metric_at = dict.fromkeys(queries.metric_names(run), run.done)
        found = Curves.of(run, self._episode, max(self._metric_at.values(), default=0))
        metrics = {
            name: columns
            for name, columns in found.metrics.items()
            if columns["at"][-1] > self._metric_at.get(name, -1)
        }
        self._episode = max([self._episode, *found.episodes["number"][-1:]])
        self._metric_at |= {name: columns["at"][-1] for name, columns in metrics.items()}
        return replace(found, metrics=metrics)


@dataclass(frozen=True)
class Curves:
    """What charts get to draw in addition.

    Attributes:
        episodes: columns of the summaries numbered above `after`.
        metrics: `{name: {"at": [...], "value": [...]}}` from the place `metrics_from` on. Names
            that came later to the same place are among them, so a point may come twice.
    """

    episodes: dict[str, list]
    after: int
    metrics: dict[str, dict[str, list]]
    metrics_from: int

    @classmethod
    def of(cls, run: Run, after: int, metrics_from: int) -> Curves:
        metrics = queries.metric_series(run, first=metrics_from)
        return cls(summaries_after(run, after), after, metrics, metrics_from)

    @property
    def empty(self) -> bool:
        return not (self.episodes["number"] or self.metrics)


def metrics_message(source: Source, new: Curves, replays: int) -> Message:
    numbers = [*new.episodes["number"][-1:], *([source.newest.number] if source.newest else [])]
    return message(
        "metrics",
        **asdict(new),
        newest_episode=max(numbers, default=None),
        dropped=source.dropped,
        replays=replays,
    )


def status_message(run: Run) -> Message:
    """The status with its panel, the same for everybody: what one person may do is not in it."""
    context = {"run": run, "pace": live_queries.pace_words(run)}
    return message(
        "status",
        status=run.status,
        wish=run.wish,
        reason=run.reason,
        done=run.done,
        total=run.total,
        unit=run.unit,
        html=render_to_string("live/_run_progress.html", context),
    )


def summaries_after(run: Run, number: int) -> dict[str, list]:
    """Columns of the episodes numbered above `number`; thinned where there are very many."""
    names = ("number", "survival_steps", "score", "stage")
    rows = list(
        EpisodeSummary.objects.filter(run=run, number__gt=number)
        .order_by("number")
        .values_list(*names)[: MOST_SUMMARIES + 1]
    )
    if len(rows) > MOST_SUMMARIES:
        return queries.episode_series(run, live_queries.CHART_POINTS)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return dict(zip(names, map(list, columns), strict=True))


def catch_up_message(run_id: UUID, after: int, metrics_from: int, source: Source) -> Message:
    run = Run.objects.get(pk=run_id)
    return metrics_message(source, Curves.of(run, after, metrics_from), run.replays.count())


def connected_message(run_id: UUID, source: Source) -> Message:
    """What a watcher must know first."""
    run = Run.objects.select_related("owner", "classroom", "model", "version__model", "brain").get(
        pk=run_id
    )
    newest = source.newest
    brain = run.spec["content"].get("brain")
    layout = live_queries.observation_layout(run)
    return message(
        "connected",
        run=queries.run_summary(run),
        level=run.level,
        layout=layout.to_data() if layout else None,
        brain_hash=content_hash(brain) if brain is not None else None,
        action_names=layout.actions if layout else None,
        newest_episode=newest.number if newest else live_queries.newest_episode(run),
        dropped=max(source.dropped, run.episodes_dropped),
        acknowledge=ACKNOWLEDGE,
    )


def newest_stored(run_id: UUID) -> EncodedEpisode | None:
    """For a run that publishes nothing now: the newest episode that was kept."""
    replay = Replay.objects.filter(run_id=run_id).select_related("artifact").first()
    if replay is None:
        return None
    try:
        return encode_for_watchers(queries.read_replay(replay), REPLAY)
    except ReplayUnreadableError:
        return None


def stored_episode(run_id: UUID, number: int) -> EncodedEpisode | None:
    """A kept episode; None if this one was not kept. Raises: ReplayUnreadableError."""
    replay = Replay.objects.filter(run_id=run_id, number=number).select_related("artifact").first()
    return encode_for_watchers(queries.read_replay(replay), REPLAY) if replay else None


def replay_list_message(run_id: UUID, filters: dict[str, Any]) -> Message:
    """Raises: SpecError naming every filter that is wrong."""
    run = Run.objects.get(pk=run_id)
    listed = queries.replay_list(run, filters)[:MOST_LISTED]
    return message("replay_list", episodes=[queries.replay_data(replay) for replay in listed])
