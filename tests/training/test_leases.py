"""Leases: heartbeats, fencing, and runs whose worker is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from registry import holder
from tests.training.runs import held, let_time_pass, make_run
from training import leases, lifecycle
from training.errors import LeaseLostError
from training.models import Run, RunEvent, RunStatus, Wish

pytestmark = pytest.mark.django_db


def test_a_claimed_run_knows_its_worker_and_counts_the_attempt(run: Run) -> None:
    held(run, "the worker")
    assert (run.status, run.lease_holder) == (RunStatus.RUNNING, "the worker")
    assert (run.fencing_token, run.attempts) == (1, 1)
    assert run.heartbeat_at is not None
    assert run.started_at is not None


def test_a_second_message_for_a_running_run_finds_nothing_to_do(run: Run) -> None:
    held(run)
    assert leases.claim(run.pk, "another") is None


@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_a_run_that_does_not_wait_is_not_claimed(status: str) -> None:
    run = make_run(status=status)
    assert leases.claim(run.pk, "worker") is None
    run.refresh_from_db()
    assert run.status == status


def test_a_deleted_run_is_not_claimed(run: Run) -> None:
    run_id = run.pk
    run.delete()
    assert leases.claim(run_id, "worker") is None


def test_a_heartbeat_prolongs_the_lease_and_brings_the_wish(run: Run) -> None:
    lease = held(run)
    let_time_pass(run, 30)
    before = run.heartbeat_at
    assert leases.heartbeat(lease, done=7) == Wish.RUN
    lifecycle.wish(run.pk, Wish.PAUSE)
    assert leases.heartbeat(lease, done=8) == Wish.PAUSE
    run.refresh_from_db()
    assert run.heartbeat_at - before > timedelta(seconds=29)
    assert run.done == 8


def test_the_heartbeat_of_a_worker_that_lost_its_run_is_refused(run: Run) -> None:
    lease = held(run)
    leases.take_back(run, "thought dead")
    with pytest.raises(LeaseLostError):
        leases.heartbeat(lease, done=100)
    held(run, "next")
    with pytest.raises(LeaseLostError):
        leases.heartbeat(lease, done=100)
    run.refresh_from_db()
    assert run.done == 0


def test_a_late_worker_cannot_open_a_transaction_to_write_in(run: Run) -> None:
    late = held(run)
    leases.take_back(run, "thought dead")
    current = held(run, "next")
    with pytest.raises(LeaseLostError, match="nothing more may be written"), transaction.atomic():
        leases.hold(late)
    with transaction.atomic():
        assert leases.hold(current).pk == run.pk


def test_a_lease_without_heartbeat_lapses_after_its_time_and_not_before(run, settings) -> None:
    settings.RUN_LEASE_SECONDS = 60
    held(run)
    let_time_pass(run, 55)
    assert leases.take_back_abandoned() == []
    let_time_pass(run, 10)
    assert [taken.pk for taken in leases.take_back_abandoned()] == [run.pk]
    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED
    assert RunEvent.objects.filter(run=run).latest("pk").text == "no heartbeat for 60 s"


def test_a_heartbeat_that_comes_just_in_time_keeps_the_run(run: Run) -> None:
    lease = held(run)
    let_time_pass(run, 100)
    seen_by_the_sweep = Run.objects.get(pk=run.pk)
    leases.heartbeat(lease, done=1)
    assert leases.take_back(seen_by_the_sweep, "no heartbeat") is None
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_a_wish_that_comes_while_a_dead_worker_is_cleared_away_is_kept(run: Run) -> None:
    held(run)
    let_time_pass(run, 100)
    seen_by_the_sweep = Run.objects.get(pk=run.pk)
    lifecycle.wish(run.pk, Wish.CANCEL)
    assert leases.take_back(seen_by_the_sweep, "no heartbeat") is None
    run.refresh_from_db()
    assert (run.status, run.wish) == (RunStatus.RUNNING, Wish.CANCEL)
    leases.take_back_abandoned()
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_the_clock_of_a_machine_does_not_matter(run: Run, monkeypatch) -> None:
    held(run)
    ahead = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert leases.take_back_abandoned() == []


@pytest.mark.parametrize(
    ("wish", "status"), [(Wish.PAUSE, RunStatus.PAUSED), (Wish.CANCEL, RunStatus.CANCELLED)]
)
def test_what_people_wished_of_a_dead_worker_still_happens(run, wish: str, status: str) -> None:
    held(run)
    lifecycle.wish(run.pk, wish)
    let_time_pass(run, 100)
    assert leases.take_back_abandoned() == []
    run.refresh_from_db()
    assert (run.status, run.wish) == (status, Wish.RUN)


def test_a_run_that_kills_its_workers_fails_with_a_reason(run: Run, settings) -> None:
    settings.RUN_MAX_ATTEMPTS = 3
    for attempt in (1, 2):
        held(run, f"worker {attempt}")
        assert leases.take_back(run, "died") == RunStatus.QUEUED
    held(run, "worker 3")
    assert leases.take_back(run, "died") == RunStatus.FAILED
    run.refresh_from_db()
    assert run.reason == (
        "3 workers in a row died on this run before it got further than episode 0. "
        "Look into the log of the workers, then resume it."
    )


def test_an_orderly_stop_is_no_failed_attempt(run: Run) -> None:
    for _ in range(3):
        lease = held(run)
        assert leases.hand_back(lease, "asked to stop") == RunStatus.QUEUED
    run.refresh_from_db()
    assert run.attempts == 0


@pytest.mark.parametrize(
    ("wish", "status"), [(Wish.PAUSE, RunStatus.PAUSED), (Wish.CANCEL, RunStatus.CANCELLED)]
)
def test_a_worker_that_stops_honours_a_wish_it_had_not_seen(run, wish: str, status: str) -> None:
    lease = held(run)
    lifecycle.wish(run.pk, wish)
    assert leases.hand_back(lease, "asked to stop") == status


def test_a_pause_that_was_taken_back_in_time_does_not_happen(run: Run) -> None:
    lease = held(run)
    lifecycle.wish(run.pk, Wish.PAUSE)
    lifecycle.wish(run.pk, Wish.RUN)
    assert not leases.rest_as_wished(lease, Wish.PAUSE)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING


def test_this_process_is_not_gone() -> None:
    assert not holder.is_gone(holder.this_process())


@pytest.mark.skipif(sys.platform != "linux", reason="the proof is asked for on Linux only")
def test_a_process_that_ended_is_gone_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = holder.Holder(*holder.this_process().split("|"))
    name = str(name._replace(pid=str(child.pid), began=holder.began(child.pid)))
    assert not holder.is_gone(name)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet buried
    assert holder.is_gone(name)
    child.communicate()
    assert holder.is_gone(name)


@pytest.mark.skipif(sys.platform != "linux", reason="the proof is asked for on Linux only")
@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"began": "1"}, True),  # the pid was given to another process since
        ({"boot": "an earlier start"}, True),
        ({"host": "another"}, False),
        ({"machine": "another"}, False),
        ({"pid_space": "another container"}, False),
        ({"began": ""}, False),
    ],
)
def test_only_a_certain_death_counts(changes: dict[str, str], gone: bool) -> None:
    name = holder.Holder(*holder.this_process().split("|"))._replace(**changes)
    assert holder.is_gone(str(name)) == gone


@pytest.mark.parametrize("name", ["", "somebody", "a|b|c|d|e|f|g"])
def test_an_unreadable_holder_may_be_alive(name: str) -> None:
    assert not holder.is_gone(name)


@pytest.mark.skipif(sys.platform != "linux", reason="the proof is asked for on Linux only")
def test_a_run_of_a_dead_worker_is_taken_over_without_waiting(run: Run) -> None:
    name = holder.Holder(*holder.this_process().split("|"))._replace(began="1")
    dead = held(run, str(name))
    lease = leases.claim(run.pk, "next")
    assert lease is not None
    assert lease.token == dead.token + 1
    texts = RunEvent.objects.filter(run=run).values_list("text", flat=True)
    assert "its worker died" in texts
