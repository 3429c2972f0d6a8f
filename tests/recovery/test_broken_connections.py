"""The broker, the database or the network go away for a while under a run."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection

from hamletweb.embedded.valkey import EmbeddedValkey
from registry import holder
from registry.hosts import queues
from tests.recovery.steady import (
    Worker,
    assert_as_if_nothing_had_happened,
    becomes,
    left_alone,
    queue,
    reaches,
    signal_holder,
)
from tests.recovery.wire import Wire
from tests.training.runs import wait_until
from training import dispatch, leases, sweeping
from training.models import RunEvent, RunStatus

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_late_worker_changes_nothing(instructor, worker: Worker, settings) -> None:
    """A worker that stood still past its lease wakes up while another one works."""
    settings.RUN_LEASE_SECONDS = 1
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    late = worker()
    reaches(run, 30)
    signal_holder(run, signal.SIGSTOP)
    stopped = run.lease_holder
    wait_until(lambda: leases.take_back_abandoned() or None, what="the lease to lapse")
    worker()

    def taken_over() -> bool:
        run.refresh_from_db()
        return run.lease_holder not in ("", stopped)

    wait_until(taken_over, what="the second worker")
    reaches(run, 50)
    os.kill(int(stopped.split("|")[4]), signal.SIGCONT)
    late.wait_for_output("stopped at once")
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)


def test_messages_that_come_many_times_count_once(instructor, worker: Worker) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    for _ in range(5):
        dispatch.send(run)
    worker(concurrency=2)
    reaches(run, 30)
    for _ in range(5):
        dispatch.send(run)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)
    moves = RunEvent.objects.filter(run=run, kind="status").order_by("pk")
    assert [event.new_status for event in moves] == ["queued", "running", "succeeded"]


def test_a_lost_message_is_sent_again(instructor, worker: Worker, redis_url: str, settings) -> None:
    run = queue(instructor)
    worker()
    becomes(run, RunStatus.SUCCEEDED)
    lost = queue(instructor, model="second", seed=8)
    with queues.current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("training.cpu")
    assert dispatch.send_lost_again() == 0  # it was queued this moment
    with connection.cursor() as cursor:
        cursor.execute("UPDATE training_run SET queued_at = queued_at - interval '20 seconds'")
    sweeping.sweep()
    becomes(lost, RunStatus.SUCCEEDED)


@pytest.fixture
def own_valkey() -> Iterator[EmbeddedValkey]:
    """A server that a test may stop, since nobody else uses it."""
    # Not below pytest's own folder, which the account of the server may not enter.
    with (
        tempfile.TemporaryDirectory(prefix="hamlet-tests-") as folder,
        EmbeddedValkey(Path(folder)) as valkey,
    ):
        yield valkey


def test_training_goes_on_while_the_broker_is_away(
    instructor, worker: Worker, own_valkey: EmbeddedValkey
) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    worker(env={"REDIS_URL": own_valkey.url})  # finds the waiting run in the database
    reaches(run, 20)
    own_valkey.stop()
    reaches(run, 60)
    assert run.done >= 60
    own_valkey.start()
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)
    after = queue(instructor, model="second", seed=8)
    broker = Celery(broker=own_valkey.url, set_as_current=False)
    broker.send_task(dispatch.TASK, args=[str(after.pk)], queue="training.cpu")
    becomes(after, RunStatus.SUCCEEDED)


def test_cut_database_connections_are_made_anew(instructor, worker: Worker) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    worker()
    for done in (10, 35, 60, 85):
        reaches(run, done)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)
    moves = RunEvent.objects.filter(run=run, kind="status").order_by("pk")
    assert [event.new_status for event in moves] == ["queued", "running", "succeeded"]


def test_a_pool_process_whose_whole_platform_was_killed_ends_soon(
    instructor, worker: Worker
) -> None:
    """kill -9 of `up` takes worker and database away; nobody waits for what the pool would save."""
    database = connection.settings_dict
    run = queue(instructor, episodes=1_000_000)
    with Wire(database["HOST"], int(database["PORT"])) as wire:
        url = f"postgresql://{database['USER']}:{database['PASSWORD']}@127.0.0.1:{wire.port}"
        process = worker(env={"DATABASE_URL": f"{url}/{database['NAME']}"})
        reaches(run, 20)
        pid = int(run.lease_holder.split("|")[4])
        wire.cut()
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: holder.began(pid) is None, timeout_s=20, what="the pool to end")
