"""Pause, resume and cancel, as people ask for them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from registry.models import Role
from tests.running import people
from tests.training.runs import held, make_run
from training import leases, services
from training.errors import IllegalTransitionError, SteeringRefusedError
from training.models import Run, RunEvent, RunStatus, Wish

pytestmark = pytest.mark.django_db

SERVICES = [services.pause_run, services.resume_run, services.cancel_run]


def test_a_waiting_run_pauses_at_once_and_waits_again(run: Run, instructor) -> None:
    services.pause_run(run, instructor)
    assert run.status == RunStatus.PAUSED
    assert leases.claim(run.pk, "worker") is None
    services.resume_run(run, instructor)
    assert run.status == RunStatus.QUEUED
    assert leases.claim(run.pk, "worker") is not None


def test_a_waiting_run_is_cancelled_at_once(run: Run, instructor) -> None:
    services.cancel_run(run, instructor)
    assert run.status == RunStatus.CANCELLED
    assert run.ended_at is not None
    event = RunEvent.objects.filter(run=run).latest("pk")
    assert (event.new_status, event.actor) == (RunStatus.CANCELLED, instructor)


@pytest.mark.parametrize(
    ("service", "wish"), [(services.pause_run, "pause"), (services.cancel_run, "cancel")]
)
def test_a_running_run_goes_on_until_its_worker_hears(run, instructor, service, wish) -> None:
    lease = held(run)
    service(run, instructor)
    assert (run.status, run.wish) == (RunStatus.RUNNING, wish)
    assert leases.heartbeat(lease, 1) == wish


def test_a_wish_to_pause_is_taken_back_by_resume(run: Run, instructor) -> None:
    held(run)
    services.pause_run(run, instructor)
    services.resume_run(run, instructor)
    assert (run.status, run.wish) == (RunStatus.RUNNING, Wish.RUN)


def test_a_run_that_goes_on_already_says_so(run: Run, instructor) -> None:
    held(run)
    with pytest.raises(IllegalTransitionError, match="goes on already"):
        services.resume_run(run, instructor)


@pytest.mark.parametrize("status", ["succeeded", "cancelled"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_finished_run_says_why_it_cannot_be_steered(run, instructor, status, service) -> None:
    Run.objects.filter(pk=run.pk).update(status=status)
    run.refresh_from_db()
    with pytest.raises(IllegalTransitionError, match=f"a {status} run cannot become"):
        service(run, instructor)


def test_a_failed_run_can_be_tried_again_with_a_clean_record(run: Run, instructor) -> None:
    Run.objects.filter(pk=run.pk).update(status="failed", attempts=20, reason="disk full")
    run.refresh_from_db()
    services.resume_run(run, instructor)
    assert (run.status, run.attempts, run.reason) == (RunStatus.QUEUED, 0, "")
    assert run.ended_at is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_student_may_look_and_not_touch(run: Run, student, service) -> None:
    with pytest.raises(SteeringRefusedError, match="not steer it"):
        service(run, student)
    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED


@pytest.mark.parametrize("service", SERVICES)
def test_an_instructor_steers_only_the_classes_they_teach(run: Run, service) -> None:
    other = people.make_person("other", Role.INSTRUCTOR, people.make_classroom("Elsewhere"))
    with pytest.raises(SteeringRefusedError):
        service(run, other)


def test_another_instructor_of_the_class_may_steer(run: Run, classroom) -> None:
    colleague = people.make_person("colleague", Role.INSTRUCTOR, classroom)
    assert services.pause_run(run, colleague).status == RunStatus.PAUSED


def test_an_admin_and_the_operator_steer_everything(run: Run, admin) -> None:
    assert services.pause_run(run, admin).status == RunStatus.PAUSED
    assert services.cancel_run(run, None).status == RunStatus.CANCELLED


def test_the_admin_site_steers_by_the_same_services(run: Run, admin, client) -> None:
    finished = make_run(name="finished", status=RunStatus.SUCCEEDED)
    client.force_login(admin)
    answer = client.post(
        reverse("admin:training_run_changelist"),
        {"action": "cancel", "_selected_action": [run.pk, finished.pk]},
        follow=True,
    )
    told = {str(message) for message in answer.context["messages"]}
    assert told == {
        "Asked to cancel 1 of 2 runs.",
        f"finished ({str(finished.pk)[:8]}): a succeeded run cannot become cancelled",
    }
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
