"""Runs that wait: messages that were lost, and queues that nobody serves."""

from __future__ import annotations

import socket
import time

import pytest
from celery import Celery
from django.conf import settings

from registry.hosts import queues, workers
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
    monkeypatch.setattr(queues, "current_app", away)
    assert dispatch.send(run) is False


def test_a_broker_that_never_replies_is_given_up_within_seconds(run: Run, monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        mute = Celery(broker=url, set_as_current=False)
        mute.conf.broker_transport_options = {
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "socket_timeout": 0.2,
        }
        monkeypatch.setattr(queues, "current_app", mute)
        began = time.monotonic()
        assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"] <= 5
        assert dispatch.send(run) is False
        assert time.monotonic() - began < 20


def test_more_runs_than_messages_fit_are_sent_again_from_the_oldest(monkeypatch) -> None:
    monkeypatch.setattr(dispatch, "MOST_AT_ONCE", 2)
    for age_s in (60, 70, 80):
        let_time_pass(make_run(), age_s)
    assert [dispatch.send_lost_again() for _ in range(3)] == [2, 2, 0]


@pytest.fixture
def all_heard(redis_url: str) -> None:
    """Valkey has been up for a while, so workers that live have spoken."""
    workers.client.cache_clear()
    workers.client().set(workers.SINCE, time.time() - workers.ALL_HEARD_AFTER_S)


def test_nothing_is_said_of_workers_just_after_valkey_was_emptied(run: Run, redis_url) -> None:
    workers.client.cache_clear()
    let_time_pass(run, 60)
    workers.note_worker("other@host", ("default",))  # the first one that speaks again
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""
    workers.client().set(workers.SINCE, time.time() - workers.ALL_HEARD_AFTER_S)
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason.startswith("No worker offers")


@pytest.mark.usefixtures("all_heard")
def test_a_queue_of_a_busy_worker_counts_as_served(run: Run) -> None:
    workers.note_worker("busy@host", (run.queue,))
    let_time_pass(run, 60)
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""


def test_nothing_is_said_of_workers_while_the_broker_is_away(run: Run, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    workers.client.cache_clear()
    let_time_pass(run, 60)
    try:
        sweeping.explain_waiting()
    finally:
        workers.client.cache_clear()
    run.refresh_from_db()
    assert run.reason == ""


@pytest.mark.usefixtures("all_heard")
def test_a_queue_that_nobody_serves_is_explained(run: Run) -> None:
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""  # it has only just begun to wait
    let_time_pass(run, 60)
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == (
        "No worker offers cpu: nobody listens to the queue training.cpu. "
        "Workers that listen: none. Start one with: celery -A hamletweb worker -Q training.cpu"
    )


@pytest.mark.usefixtures("all_heard")
def test_the_explanation_goes_when_a_worker_comes(run: Run) -> None:
    let_time_pass(run, 60)
    workers.note_worker("training@here", ("training.gpu",))
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason
    workers.note_worker("training@here", ("training.cpu", "training.gpu"))
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""
