"""From registered to deployed and to the archive: what may follow what, and who does it."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from registry.aliases.services import lock, move_alias, protect_alias, remove_alias
from registry.audit.models import AuditEntry
from registry.errors import AliasProtectedError, ConflictError, NotChangeableError
from registry.models import Alias
from registry.versions import lifecycle
from registry.versions.execution import end_check
from registry.versions.lifecycle import IllegalStatusError, status_of
from registry.versions.models import VersionCard, VersionCheck
from registry.versions.services import change_card, set_status
from tests.training.runs import at_once, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def checked(register):
    """A version whose check has passed: `checked(seed=1)`."""

    def make(**arguments):
        version = register(**arguments)
        lifecycle.move(version, "validated")
        return version

    return make


def test_new_version_is_registered_and_waits_for_its_check(version):
    assert status_of(version) == "registered"
    assert version.checks.get().passed is None


def test_version_is_staged_and_taken_back(checked, instructor):
    version = checked()
    assert set_status(version, "staged", instructor) == "staged"
    assert set_status(version, "validated", instructor) == "validated"
    moves = AuditEntry.objects.filter(action="version.moved", actor="instructor")
    assert [entry.details["new"] for entry in moves.order_by("sequence")] == ["staged", "validated"]


def test_production_deploys_and_leaves_the_one_before_staged(checked, model, instructor):
    first, second = checked(), checked(seed=1)
    move_alias(model, "production", first, instructor)
    assert (status_of(first), status_of(second)) == ("deployed", "validated")
    move_alias(model, "production", second, instructor)
    assert (status_of(first), status_of(second)) == ("staged", "deployed")
    remove_alias(model, "production", instructor)
    assert status_of(second) == "staged"


def test_production_takes_checked_versions_alone(version, model, instructor):
    with pytest.raises(ConflictError, match="registered; production names checked versions alone"):
        move_alias(model, "production", version, instructor)
    assert not Alias.objects.filter(name="production").exists()


@pytest.mark.parametrize("status", ["validated", "deployed", "registered"])
def test_nobody_makes_a_version_validated_or_deployed_by_hand(version, instructor, status):
    with pytest.raises(ConflictError, match="check|by hand"):
        set_status(version, status, instructor)
    assert status_of(version) == "registered"


def test_version_that_an_alias_names_is_not_archived(version, model, instructor):
    move_alias(model, "best", version, instructor)
    with pytest.raises(ConflictError, match=r"named by best\. Move these aliases"):
        set_status(version, "archived", instructor)


def test_archiving_the_newest_moves_latest_to_the_one_before(register, model, instructor):
    first, second = register(), register(seed=1)
    set_status(second, "archived", instructor)
    assert Alias.objects.get(model=model, name="latest").version == first


def test_latest_names_no_archived_version(register, model, instructor):
    first, second, third = (register(seed=seed) for seed in range(3))
    set_status(second, "archived", instructor)
    set_status(third, "archived", instructor)
    assert Alias.objects.get(model=model, name="latest").version == first
    set_status(first, "archived", instructor)
    assert not Alias.objects.filter(model=model).exists()
    set_status(second, "registered", instructor)
    assert Alias.objects.get(model=model, name="latest").version == second


def someone_waits() -> bool:
    """For a lock of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # of this transaction
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "act",
    [
        lambda version: change_card(version, description="new"),
        lambda version: end_check(version.checks.get(), {}, ""),
    ],
    ids=["describing", "checking"],
)
def test_the_row_of_the_model_is_locked_before_any_other(register, model, act):
    """In one order, or two who change one model would wait for each other."""
    version = register()
    thread = threading.Thread(target=at_once, args=[[lambda: act(version)]])
    with transaction.atomic():
        lock(model)
        thread.start()
        wait_until(someone_waits, timeout_s=20, what="somebody who waits for the model's row")
        VersionCard.objects.select_for_update(nowait=True).get(version=version)
        VersionCheck.objects.select_for_update(nowait=True).get(version=version)
    thread.join()
    version.card.refresh_from_db()
    assert (version.card.description, version.card.status) in (
        ("new", "registered"),
        ("", "validated"),
    )


def test_archived_version_gets_no_alias_and_is_checked_when_it_comes_back(
    register, model, instructor
):
    first, _ = register(), register(seed=1)
    set_status(first, "archived", instructor)
    with pytest.raises(ConflictError, match="archived and answers no more"):
        move_alias(model, "best", first, instructor)
    first.checks.update(ended_at="2026-01-01T00:00:00Z", passed=True)
    set_status(first, "registered", instructor)
    assert first.checks.filter(ended_at=None).count() == 1


def test_deployed_version_cannot_be_archived(checked, model, instructor):
    version = checked()
    move_alias(model, "production", version, instructor)
    with pytest.raises(ConflictError, match="named by production"):
        set_status(version, "archived", instructor)


def test_every_other_move_is_refused(version):
    for old in lifecycle.NEXT:
        version.card.status = old
        version.card.save()
        for new in set(lifecycle.NEXT) - lifecycle.NEXT[old]:
            with pytest.raises(IllegalStatusError, match=f"is {old} and cannot become {new}"):
                lifecycle.move(version, new)
        assert status_of(version) == old


def test_protected_alias_neither_moves_nor_goes_until_it_is_free(register, model, instructor):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first, instructor)
    protect_alias(model, "best", True, instructor)
    for attempt in (
        lambda: move_alias(model, "best", second, instructor),
        lambda: remove_alias(model, "best", instructor),
    ):
        with pytest.raises(AliasProtectedError, match="Take the protection away first"):
            attempt()
    protect_alias(model, "best", False, instructor)
    assert move_alias(model, "best", second, instructor).version == second


def test_students_change_no_status(checked, student):
    with pytest.raises(NotChangeableError):
        set_status(checked(), "staged", student)
