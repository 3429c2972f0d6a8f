"""Runs that wait: messages that were lost, and queues that nobody serves."""

from __future__ import annotations

import pytest
from celery import Celery

from tests.training.runs import let_time_pass, make_run
from training import dispatch, sweeping
from training.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


def test_a_message_that_waits_is_not_sent_again(run: Run) -> None:
    dispatch.send(run)
    let_time_pass(run, 60)
    assert dispatch.waiting_messages(run.queue) == 1
    assert dispatch.send_lost_again() == 0


def test_a_lost_message_is_sent_again_once(run: Run) -> None:
    let_time_pass(run, 60)
    assert dispatch.send_lost_again() == 1
    assert dispatch.waiting_messages(run.queue) == 1
    assert dispatch.send_lost_again() == 0


def test_a_run_queued_this_moment_is_given_time(run: Run) -> None:
    assert dispatch.send_lost_again() == 0


def test_messages_of_one_queue_do_not_count_for_another(run: Run) -> None:
    gpu = make_run(queue="training.gpu")
    dispatch.send(run)
    for each in (run, gpu):
        let_time_pass(each, 60)
    assert dispatch.send_lost_again() == 1
    assert dispatch.waiting_messages("training.gpu") == 1


def test_a_broker_that_is_away_is_no_error_for_whoever_queues(run: Run, monkeypatch) -> None:
    away = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setattr(dispatch, "current_app", away)
    assert dispatch.send(run) is False


def test_a_queue_that_nobody_serves_is_explained(run: Run) -> None:
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""  # it has only just begun to wait
    let_time_pass(run, 60)
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == (
        "No worker listens to the queue training.cpu. Start one with: "
        "celery -A hamletweb worker -Q training.cpu"
    )
