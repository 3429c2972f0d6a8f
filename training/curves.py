"""The metrics of many runs as curves on one grid, thinned to what a chart can show.

Letters: M metrics of a run, B buckets. A bucket is a stretch of finished units of progress whose
points are averaged; its width is a power of two, so that buckets of one run fit into those of
another. PostgreSQL averages, from an index that holds the values too; what it found of a run that
has ended is kept, and the next comparison reads a few kilobytes instead of all points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from training.models import CurveSummary, Run

MOST_BUCKETS = 128  # of one curve
MOST_NUMBERS = 200_000  # of all curves together
FEWEST_POINTS = 25
DIGITS = 7  # more than float32 holds, and than a chart shows


@dataclass(frozen=True)
class Curves:
    """All metrics of one run. means: [M, B] float32; counts: [M, B], 0 where nothing is."""

    width: int
    names: tuple[str, ...]
    means: np.ndarray
    counts: np.ndarray


def points_for(lines: int) -> int:
    """How many points each of so many lines gets."""
    return max(FEWEST_POINTS, min(MOST_BUCKETS, MOST_NUMBERS // max(1, lines)))


def bucket_width(last: int, most: int) -> int:
    """The smallest power of two that needs at most so many buckets up to `last`."""
    return 1 << (max(1, -(-last // most)) - 1).bit_length()


def curves(runs: Sequence[Run], names: Sequence[str], points: int | None = None) -> dict[str, Any]:
    """The metrics of all runs on one grid.

    Args: points: of each curve at most; by default fewer, the more curves there are.

    Returns: `{"at": [places], "series": {name: [one list of values for each run]}}`. A value is
        the mean of what was reported after the place before and up to its own, to seven digits,
        null where that is nothing or no finite number. Names that no run has reported are left
        out.
    """
    most = min(points or points_for(len(runs) * len(names)), MOST_BUCKETS)
    longest = max((run.done for run in runs), default=0)
    width = bucket_width(longest, most)
    count = -(-longest // width)
    found = curves_of(runs)
    lines = [on_grid(found[run.pk], width, count) for run in runs]
    nothing = [None] * count
    return {
        "at": [width * number for number in range(1, count + 1)],
        "series": {
            name: [line.get(name, nothing) for line in lines]
            for name in names
            if any(name in line for line in lines)
        },
    }


def on_grid(one: Curves, width: int, count: int) -> dict[str, list[float | None]]:
    """The curves in buckets of `width`, a multiple of their own, and `count` of them."""
    factor = width // one.width
    size = len(one.names)
    padding = ((0, 0), (0, count * factor - one.means.shape[1]))
    counts = np.pad(one.counts.astype(np.float64), padding).reshape(size, count, factor)
    means = np.pad(one.means.astype(np.float64), padding).reshape(size, count, factor)
    there = counts.sum(axis=2)
    values = (means * counts).sum(axis=2) / np.where(there > 0, there, 1)
    plain = shortened(values).astype(object)
    plain[there == 0] = None
    return dict(zip(one.names, plain.tolist(), strict=True))


def shortened(values: np.ndarray) -> np.ndarray:
    """Rounded to DIGITS significant digits: a number takes half the place in JSON then."""
    size = np.abs(values)
    exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    scale = 10.0 ** (DIGITS - 1 - exponent)
    return np.round(values * scale) / scale


def curves_of(runs: Sequence[Run]) -> dict[UUID, Curves]:
    """Kept ones where they are still true; the others are made, and kept if the run has ended."""
    ended = {run.pk: run.ended_at for run in runs if run.ended_at is not None}
    found = {
        kept.run_id: unpacked(kept)
        for kept in CurveSummary.objects.filter(run__in=ended)
        if kept.ended_at == ended[kept.run_id]
    }
    made = made_of([run for run in runs if run.pk not in found])
    keep([packed(run, made[run.pk]) for run in runs if run.pk in made and run.pk in ended])
    return found | made


def keep(summaries: Sequence[CurveSummary]) -> None:
    """Two who compare at once keep the same: the later one wins."""
    CurveSummary.objects.bulk_create(
        summaries,
        update_conflicts=True,
        unique_fields=["run"],
        update_fields=["ended_at", "width", "names", "means", "counts"],
    )


def packed(run: Run, one: Curves) -> CurveSummary:
    return CurveSummary(
        run=run,
        ended_at=run.ended_at,
        width=one.width,
        names=list(one.names),
        means=one.means.astype("<f4").tobytes(),
        counts=one.counts.astype("<u4").tobytes(),
    )


def unpacked(kept: CurveSummary) -> Curves:
    shape = (len(kept.names), -1) if kept.names else (0, 0)
    means = np.frombuffer(kept.means, "<f4").reshape(shape)
    counts = np.frombuffer(kept.counts, "<u4").reshape(shape)
    return Curves(kept.width, tuple(kept.names), means, counts)


def made_of(runs: Sequence[Run]) -> dict[UUID, Curves]:
    """From the points themselves, in one query for all."""
    widths = {run.pk: bucket_width(run.done, MOST_BUCKETS) for run in runs}
    found: dict[UUID, dict[str, tuple[bytes, bytes, bytes]]] = {run.pk: {} for run in runs}
    for run_id, name, *columns in thinned(runs, widths):
        found[run_id][name] = tuple(columns)
    return {run.pk: laid_out(run, widths[run.pk], found[run.pk]) for run in runs}


def laid_out(run: Run, width: int, found: dict[str, tuple[bytes, bytes, bytes]]) -> Curves:
    """The columns that PostgreSQL sent, bucket by bucket in any order, as arrays."""
    shape = (len(found), -(-run.done // width))
    means, counts = np.zeros(shape, np.float32), np.zeros(shape, np.uint32)
    for row, (buckets, values, many) in enumerate(found.values()):
        place = np.frombuffer(buckets, ">i2") - 1
        mean = np.frombuffer(values, ">f4")
        there = np.isfinite(mean)
        means[row, place] = np.where(there, mean, 0)
        counts[row, place] = np.where(there, np.frombuffer(many, ">i4"), 0)
    return Curves(width, tuple(found), means, counts)


# The numbers come as bytes, since reading millions of digits would take as long as the query. What
# is too large or too small for `real` is taken out before it is cast, which would refuse it.
THINNED = """
SELECT run.id, metric.name, thin.buckets, thin.means, thin.counts
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS run(id, done, width)
CROSS JOIN unnest(%s::text[]) AS metric(name)
CROSS JOIN LATERAL (
    SELECT string_agg(int2send(bucket::int2), ''::bytea) AS buckets,
           string_agg(float4send(CASE
               WHEN abs(mean) < 1e-37 THEN 0::real
               WHEN abs(mean) < 1e38 THEN mean::real
               ELSE 'NaN'::real
           END), ''::bytea) AS means,
           string_agg(int4send(count::int4), ''::bytea) AS counts
    FROM (
        SELECT greatest(1, (at + run.width - 1) / run.width) AS bucket,
               sum(value) / count(*) AS mean, count(*) AS count
        FROM training_metricpoint
        WHERE run_id = run.id AND name = metric.name AND at <= run.done
        GROUP BY 1
    ) AS one
) AS thin
WHERE thin.buckets IS NOT NULL
"""


def thinned(runs: Sequence[Run], widths: dict[UUID, int]) -> list[tuple]:
    """(run, metric, buckets, means, counts) of every curve; bucket k ends at k * width."""
    names = sorted({name for run in runs for name in run.latest_metrics})
    started = [run for run in runs if run.done]
    if not names or not started:
        return []
    columns = [(run.pk, run.done, widths[run.pk]) for run in started]
    with connection.cursor() as cursor:
        cursor.execute(THINNED, [*map(list, zip(*columns, strict=True)), names])
        return cursor.fetchall()
