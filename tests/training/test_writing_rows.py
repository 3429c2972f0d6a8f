"""What a worker writes: in bulk, under its lease, once."""

from __future__ import annotations

import time

import pytest

from tests.training.runs import held
from training import leases
from training.errors import LeaseLostError
from training.models import EpisodeSummary, MetricPoint, Run, RunEvent
from training.run_writer import FLUSH_ROWS, EpisodeRow, RunWriter

pytestmark = pytest.mark.django_db


def episode(number: int, **summary: object) -> EpisodeRow:
    told = {"survival_steps": 10, "score": 0.5, "stage": 1, "reason": "death: energy"}
    return EpisodeRow(number, {**told, **summary}, time.time())


def points(run: Run) -> list[tuple]:
    return sorted(MetricPoint.objects.filter(run=run).values_list("name", "at", "value"))


def test_rows_wait_for_the_flush_and_are_written_together(run: Run) -> None:
    writer = RunWriter(held(run))
    writer.add_metrics(1, {"loss": 0.5, "epsilon": 1.0})
    writer.add_episode(episode(1, extra={"deep": [1, None]}))
    writer.add_stage(1, 1, 2, {"survival": 0.8})
    assert points(run) == []
    writer.flush()
    assert points(run) == [("epsilon", 1, 1.0), ("loss", 1, 0.5)]
    row = EpisodeSummary.objects.get(run=run)
    assert (row.number, row.survival_steps, row.score, row.reason) == (1, 10, 0.5, "death: energy")
    assert row.summary["extra"] == {"deep": [1, None]}
    event = RunEvent.objects.get(run=run, kind="stage")
    assert (event.at_unit, event.text) == (1, "stage 1 -> 2")
    assert event.data == {"old": 1, "new": 2, "statistics": {"survival": 0.8}}


def test_a_number_reported_twice_counts_as_the_later_one(run: Run) -> None:
    writer = RunWriter(held(run))
    writer.add_metrics(1, {"loss": 0.5})
    writer.add_metrics(2, {"loss": 0.4})
    writer.flush()
    writer.add_metrics(2, {"loss": 0.3})
    writer.add_metrics(3, {"loss": 0.2})
    writer.flush()
    assert points(run) == [("loss", 1, 0.5), ("loss", 2, 0.3), ("loss", 3, 0.2)]


def test_another_name_at_the_same_moment_is_left_alone(run: Run) -> None:
    writer = RunWriter(held(run))
    writer.add_metrics(5, {"loss": 0.5, "epsilon": 1.0})
    writer.flush()
    writer.add_metrics(5, {"loss": 0.4})
    writer.flush()
    assert points(run) == [("epsilon", 5, 1.0), ("loss", 5, 0.4)]


def test_a_transaction_done_again_counts_once(run: Run) -> None:
    """As after a connection that broke in the middle of a commit."""
    writer = RunWriter(held(run))
    writer.add_metrics(1, {"loss": 0.5})
    writer.add_episode(episode(1))
    writer.add_stage(1, 1, 2, {})
    writer._write(lambda run: None)
    writer.flush()
    assert points(run) == [("loss", 1, 0.5)]
    assert EpisodeSummary.objects.filter(run=run).count() == 1
    assert RunEvent.objects.filter(run=run, kind="stage").count() == 1


def test_a_late_worker_writes_nothing_at_all(run: Run) -> None:
    writer = RunWriter(held(run))
    writer.add_metrics(1, {"loss": 0.5})
    writer.add_episode(episode(1))
    leases.take_back(run, "thought dead")
    held(run, "next")
    written = []
    with pytest.raises(LeaseLostError):
        writer.flush(also=written.append)
    assert points(run) == []
    assert not EpisodeSummary.objects.filter(run=run).exists()
    assert written == []


def test_many_rows_are_due_at_once_and_few_after_a_moment(run: Run) -> None:
    writer = RunWriter(held(run))
    assert not writer.due
    writer.add_metrics(1, {"loss": 0.5})
    assert not writer.due
    for number in range(1, FLUSH_ROWS):
        writer.add_episode(episode(number))
    assert writer.due
    writer.flush()
    assert EpisodeSummary.objects.filter(run=run).count() == FLUSH_ROWS - 1


def test_numbers_that_json_does_not_know_are_kept_as_nothing(run: Run) -> None:
    writer = RunWriter(held(run))
    writer.add_episode(episode(1, odd=float("nan"), reason="x" * 100))
    writer.flush()
    row = EpisodeSummary.objects.get(run=run)
    assert row.summary["odd"] is None
    assert len(row.reason) == 60
