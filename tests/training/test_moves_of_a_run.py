"""The table of moves, and what happens when two want to move one run."""

from __future__ import annotations

from functools import partial

import pytest

from tests.training.runs import at_once, held, make_run
from training import leases, lifecycle
from training.errors import IllegalTransitionError, LeaseLostError, StatusConflictError
from training.lifecycle import NEXT
from training.models import Run, RunEvent, RunStatus, Wish

LEGAL = {
    ("queued", "running"),
    ("queued", "paused"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("running", "queued"),
    ("running", "paused"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("paused", "queued"),
    ("paused", "cancelled"),
    ("failed", "queued"),
}


def test_the_table_holds_these_moves_and_no_other() -> None:
    assert {(str(old), str(new)) for old, news in NEXT.items() for new in news} == LEGAL


@pytest.mark.django_db
@pytest.mark.parametrize("old", RunStatus.values)
@pytest.mark.parametrize("new", RunStatus.values)
def test_every_move_that_is_not_in_the_table_is_refused(old: str, new: str) -> None:
    run = make_run(status=old)
    if (old, new) in LEGAL:
        lifecycle.move(run.pk, old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=f"a {old} run cannot become {new}"):
            lifecycle.move(run.pk, old, new)
    run.refresh_from_db()
    assert run.status == (new if (old, new) in LEGAL else old)


@pytest.mark.django_db
def test_a_move_leaves_an_event_and_ends_the_lease(run: Run) -> None:
    lease = held(run)
    lifecycle.move(
        run.pk, RunStatus.RUNNING, RunStatus.FAILED, token=lease.token, text="why", reason="why"
    )
    run.refresh_from_db()
    event = RunEvent.objects.filter(run=run).latest("pk")
    assert (event.old_status, event.new_status, event.text) == ("running", "failed", "why")
    assert (run.lease_holder, run.heartbeat_at, run.reason) == ("", None, "why")
    assert run.ended_at is not None


@pytest.mark.django_db
def test_a_run_that_moved_meanwhile_is_not_moved_again(run: Run) -> None:
    lifecycle.move(run.pk, RunStatus.QUEUED, RunStatus.CANCELLED)
    with pytest.raises(StatusConflictError, match="no longer queued"):
        lifecycle.move(run.pk, RunStatus.QUEUED, RunStatus.PAUSED)
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    assert RunEvent.objects.filter(run=run).count() == 1


@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_workers_claims_a_run(run: Run) -> None:
    claims = at_once([partial(leases.claim, run.pk, f"worker {n}") for n in range(8)])
    winners = [lease for lease in claims if lease is not None]
    run.refresh_from_db()
    assert len(winners) == 1
    assert winners[0].token == run.fencing_token == 1
    assert run.attempts == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_decide_at_once_one_is_told(run: Run) -> None:
    answers = at_once(
        [
            partial(lifecycle.move, run.pk, RunStatus.QUEUED, RunStatus.PAUSED),
            partial(lifecycle.move, run.pk, RunStatus.QUEUED, RunStatus.CANCELLED),
        ]
    )
    assert sorted(type(answer).__name__ for answer in answers) == [
        "NoneType",
        "StatusConflictError",
    ]
    assert RunEvent.objects.filter(run=run).count() == 1


@pytest.mark.django_db
def test_a_worker_with_an_old_token_cannot_move_the_run(run: Run) -> None:
    late = held(run, "late worker")
    assert leases.take_back(run, "no heartbeat") == RunStatus.QUEUED
    current = held(run, "second worker")
    assert current.token == late.token + 1
    with pytest.raises(LeaseLostError, match="another worker"):
        lifecycle.move(run.pk, RunStatus.RUNNING, RunStatus.SUCCEEDED, token=late.token)
    run.refresh_from_db()
    assert (run.status, run.lease_holder) == (RunStatus.RUNNING, "second worker")


@pytest.mark.django_db
def test_a_wish_is_for_running_runs(run: Run) -> None:
    with pytest.raises(StatusConflictError, match="no longer running"):
        lifecycle.wish(run.pk, Wish.PAUSE)


@pytest.mark.django_db
def test_a_wish_to_pause_can_be_taken_back_and_one_to_cancel_cannot(run: Run) -> None:
    held(run)
    lifecycle.wish(run.pk, Wish.PAUSE)
    lifecycle.wish(run.pk, Wish.RUN)
    lifecycle.wish(run.pk, Wish.CANCEL)
    with pytest.raises(IllegalTransitionError, match="is being cancelled"):
        lifecycle.wish(run.pk, Wish.RUN)
    run.refresh_from_db()
    assert run.wish == Wish.CANCEL
    texts = RunEvent.objects.filter(run=run, kind="note").order_by("pk")
    assert [event.text for event in texts] == ["asked to pause", "asked to go on", "asked to stop"]
