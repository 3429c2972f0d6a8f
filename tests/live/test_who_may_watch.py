"""The socket of a run asks the same question as its page, and asks it again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from websockets.exceptions import InvalidStatus

from live.access import Visitor, refusals
from live.protocol import OUT_OF_SIGHT, SIGNED_OUT
from registry.accounts.models import Role
from registry.models import Membership, User
from tests.live.watching import cookie_of
from tests.running.people import make_person
from training.models import Run

CUT_WITHIN_S = 5.0


@pytest.mark.parametrize("person", ["student", "instructor", "admin"])
def test_people_of_the_class_and_admins_may_watch(connecting, person: str, request):
    with connecting(cookie_of(request.getfixturevalue(person))) as watch:
        assert watch.until("connected")


def test_stranger_is_refused_at_the_handshake(connecting):
    with pytest.raises(InvalidStatus, match="403"), connecting(None):
        pass


def test_made_up_session_is_refused(connecting):
    with pytest.raises(InvalidStatus, match="403"), connecting("sessionid=" + "x" * 32):
        pass


def test_student_of_another_class_is_refused(connecting, outsider: User):
    with pytest.raises(InvalidStatus, match="403"), connecting(cookie_of(outsider)):
        pass


def test_member_of_the_class_without_a_role_is_refused(connecting, student: User):
    student.groups.clear()
    with pytest.raises(InvalidStatus, match="403"), connecting(cookie_of(student)):
        pass


def test_run_that_does_not_exist_is_refused_in_the_same_way(connecting, run: Run, student: User):
    Run.objects.all().delete()
    with pytest.raises(InvalidStatus, match="403"), connecting(cookie_of(student)):
        pass


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1"]
)
def test_page_of_another_site_is_refused(connecting, student: User, origin: str):
    with (
        pytest.raises(InvalidStatus, match="403"),
        connecting(cookie_of(student), origin=origin),
    ):
        pass


def leave_class(user: User) -> None:
    Membership.objects.filter(user=user).delete()


def lose_role(user: User) -> None:
    user.groups.clear()


def log_out(user: User) -> None:
    Session.objects.all().delete()


def close_account(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another long password 7")
    user.save()


@pytest.mark.parametrize(
    ("take_away", "code"),
    [
        (leave_class, OUT_OF_SIGHT),
        (lose_role, OUT_OF_SIGHT),
        (log_out, SIGNED_OUT),
        (close_account, SIGNED_OUT),
        (change_password, SIGNED_OUT),
    ],
)
def test_who_may_no_longer_watch_is_cut_within_five_seconds(
    watch, student: User, instructor: User, take_away: Callable[[User], None], code: int
):
    socket = watch(student)
    socket.until("connected")
    bystander = None if take_away is log_out else watch(instructor)
    take_away(student)
    began = time.monotonic()
    assert socket.closed_with(within_s=CUT_WITHIN_S) == code
    assert time.monotonic() - began < CUT_WITHIN_S
    if bystander is not None:
        bystander.answers_only("connected", "metrics", "status")


def test_run_that_is_given_to_another_class_is_out_of_sight(watch, run: Run, student: User):
    socket = watch(student)
    socket.until("connected")
    Run.objects.filter(pk=run.pk).update(classroom=None)
    assert socket.closed_with(within_s=CUT_WITHIN_S) == OUT_OF_SIGHT


@pytest.mark.django_db
def test_many_watchers_cost_one_query_each_and_four_for_all(
    run: Run, student: User, outsider: User, django_assert_num_queries
):
    people_of_class = [student, *(watcher(number, run) for number in range(5))]
    keys = [cookie_of(user).partition("=")[2] for user in people_of_class]
    stranger = cookie_of(outsider).partition("=")[2]
    visitors = [Visitor(key, run.pk) for key in (*keys, stranger, "gone", None)]
    with django_assert_num_queries(4 + len(people_of_class) + 1):
        found = refusals(visitors)
    assert found == {
        Visitor(stranger, run.pk): OUT_OF_SIGHT,
        Visitor("gone", run.pk): SIGNED_OUT,
        Visitor(None, run.pk): SIGNED_OUT,
    }


def watcher(number: int, run: Run) -> User:
    return make_person(f"watcher-{number}", Role.STUDENT, run.classroom)
