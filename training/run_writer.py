"""What a worker writes about its run: collected in memory, written in bulk, never twice.

Rows go by COPY inside a transaction that first proves the lease, so a late worker writes
nothing. A batch first deletes what it is about to write, so doing a transaction again after a
broken connection, or a stretch of training again after a crash, counts once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, models, transaction

from registry.models import Artifact
from training import leases
from training.leases import Lease
from training.models import EpisodeSummary, MetricPoint, Replay, Run, RunEvent
from training.reconnecting import persistently

FLUSH_SECONDS = 1.0
FLUSH_ROWS = 5000


@dataclass(frozen=True)
class EpisodeRow:
    """An episode as it is remembered. `summary` holds the four named fields and more."""

    number: int
    summary: Mapping[str, Any]
    ended_at: float  # seconds since the epoch


@dataclass(frozen=True)
class ReplayRow:
    """A kept recording whose file is already stored."""

    episode: EpisodeRow
    reasons: list[str]
    artifact: Artifact


@dataclass
class Batch:
    """Rows that wait to be written together."""

    metrics: dict[tuple[str, int], float] = field(default_factory=dict)
    episodes: list[EpisodeRow] = field(default_factory=list)
    replays: list[ReplayRow] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.metrics) + len(self.episodes) + len(self.replays) + len(self.events)


class RunWriter:
    """Collects rows and writes them under a lease."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._batch = Batch()
        self._next_flush = time.monotonic() + FLUSH_SECONDS

    def add_metrics(self, at: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._batch.metrics[name, at] = value

    def add_episode(self, row: EpisodeRow) -> None:
        self._batch.episodes.append(row)

    def add_replay(self, row: ReplayRow) -> None:
        self._batch.replays.append(row)

    def add_stage(self, at: int, old: int, new: int, statistics: Mapping[str, float]) -> None:
        data = {"old": old, "new": new, "statistics": dict(statistics)}
        self._add_event(RunEvent.Kind.STAGE, at, f"stage {old} -> {new}", data)

    def add_remark(self, at: int, text: str) -> None:
        self._add_event(RunEvent.Kind.LEARNER, at, text, {})

    def _add_event(self, kind: str, at: int, text: str, data: dict[str, Any]) -> None:
        self._batch.events.append({"kind": kind, "at_unit": at, "text": text, "data": data})

    @property
    def due(self) -> bool:
        return bool(self._batch) and (
            len(self._batch) >= FLUSH_ROWS or time.monotonic() >= self._next_flush
        )

    def flush(self, also: Callable[[Run], None] = lambda run: None) -> None:
        """Write everything collected, and whatever `also` writes, in one transaction.

        `also` gets the locked row of the run and may be called again if the connection breaks.

        Raises: LeaseLostError; nothing is written then.
        """
        persistently(lambda: self._write(also))
        self._batch = Batch()
        self._next_flush = time.monotonic() + FLUSH_SECONDS

    @transaction.atomic
    def _write(self, also: Callable[[Run], None]) -> None:
        run = leases.hold(self.lease)
        write_metrics(run.pk, self._batch.metrics)
        write_episodes(run.pk, self._batch.episodes)
        write_replays(run.pk, self._batch.replays)
        write_events(run.pk, self._batch.events)
        also(run)


def write_metrics(run_id: UUID, metrics: Mapping[tuple[str, int], float]) -> None:
    if not metrics:
        return
    first_at: dict[str, int] = {}
    for name, at in metrics:
        first_at[name] = min(at, first_at.get(name, at))
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM training_metricpoint AS written "
            "USING unnest(%s::text[], %s::bigint[]) AS batch(name, first_at) "
            "WHERE written.run_id = %s AND written.name = batch.name "
            "AND written.at >= batch.first_at",
            [list(first_at), list(first_at.values()), run_id],
        )
    rows = ((run_id, name, at, value) for (name, at), value in metrics.items())
    copy_rows(MetricPoint, ("run", "name", "at", "value"), rows)


def write_episodes(run_id: UUID, episodes: list[EpisodeRow]) -> None:
    if not episodes:
        return
    EpisodeSummary.objects.filter(run_id=run_id, number__gte=episodes[0].number).delete()
    fields = ("run", "number", "survival_steps", "score", "stage", "reason", "summary", "ended_at")
    rows = (
        (
            run_id,
            episode.number,
            episode.summary["survival_steps"],
            episode.summary["score"],
            episode.summary["stage"],
            str(episode.summary["reason"])[:60],
            # orjson writes what JSON cannot say (NaN, infinity) as null; PostgreSQL refuses it.
            orjson.dumps(dict(episode.summary)).decode(),
            utc(episode.ended_at),
        )
        for episode in episodes
    )
    copy_rows(EpisodeSummary, fields, rows)


def write_replays(run_id: UUID, replays: list[ReplayRow]) -> None:
    for row in replays:
        summary = row.episode.summary
        Replay.objects.update_or_create(
            run_id=run_id,
            number=row.episode.number,
            defaults={
                "reasons": row.reasons,
                "survival_steps": summary["survival_steps"],
                "score": summary["score"],
                "stage": summary["stage"],
                "artifact": row.artifact,
                "ended_at": utc(row.episode.ended_at),
            },
        )


def write_events(run_id: UUID, events: list[dict[str, Any]]) -> None:
    for event in events:
        data = event["data"]
        same = {name: value for name, value in event.items() if name != "data"}
        RunEvent.objects.get_or_create(run_id=run_id, **same, defaults={"data": data})


def copy_rows(table: type[models.Model], names: Iterable[str], rows: Iterable[tuple]) -> None:
    """Append rows by COPY. The values stand in the order of the field names."""
    columns = [connection.ops.quote_name(table._meta.get_field(name).column) for name in names]
    target = f"{connection.ops.quote_name(table._meta.db_table)} ({', '.join(columns)})"
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
