"""What was done is written down, and whoever changes what is written is found out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from registry.aliases.services import move_alias
from registry.audit import chain
from registry.audit.models import AuditEntry, AuditHead
from registry.audit.queries import visible_entries
from registry.services import change_model, ensure_model

pytestmark = pytest.mark.django_db


def write(count: int) -> None:
    for number in range(count):
        chain.append("model.changed", actor=None, kind="model", subject=f"m{number}")


def tamper(sql: str) -> None:
    """As somebody would who may do everything in the database."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_auditentry DISABLE TRIGGER USER")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE registry_auditentry ENABLE TRIGGER USER")


def test_actions_are_written_down_with_who_what_and_the_hash_before(register, model, instructor):
    version = register(user=instructor)
    move_alias(model, "best", version, instructor, reason="it walks")
    entries = list(AuditEntry.objects.order_by("sequence"))
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("model.created", "walker"),
        ("alias.moved", "walker@latest"),
        ("version.registered", "walker/1.0.0"),
        ("alias.moved", "walker@best"),
    ]
    assert entries[-1].details == {"old": None, "new": "1.0.0", "reason": "it walks"}
    assert {entry.actor for entry in entries} == {"instructor"}
    assert entries[0].previous_hash == "0" * 64
    assert [entry.previous_hash for entry in entries[1:]] == [e.hash for e in entries[:-1]]
    assert chain.check_chain().is_whole


def test_an_action_that_fails_leaves_no_entry(model, instructor):
    def fail_late() -> None:
        with transaction.atomic():
            change_model(model, instructor, description="new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    assert AuditEntry.objects.filter(action="model.changed").count() == 0
    assert chain.check_chain().is_whole


@pytest.mark.parametrize("statement", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_or_delete_an_entry(statement):
    write(2)
    with (
        pytest.raises(IntegrityError, match="what was done stays written"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("registry_auditentry"))


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("UPDATE registry_auditentry SET actor = 'eve' WHERE sequence = 3", "entry 3 says some"),
        (
            "UPDATE registry_auditentry SET details = '{\"a\": 1}' WHERE sequence = 1",
            "entry 1 says",
        ),
        ("DELETE FROM registry_auditentry WHERE sequence = 3", "found entry 4 where 3 is expected"),
        ("DELETE FROM registry_auditentry WHERE sequence >= 4", "entries at the end are missing"),
        ("UPDATE registry_auditentry SET happened_at = now() WHERE sequence = 2", "entry 2 says"),
        (
            "UPDATE registry_auditentry SET sequence = sequence + 100 WHERE sequence = 5",
            "entry 105 stands behind the head",
        ),
    ],
)
def test_tampering_is_found(sql: str, finding: str):
    write(5)
    tamper(sql)
    report = chain.check_chain()
    assert not report.is_whole
    assert any(finding in found for found in report.findings), report.findings


def test_a_chain_written_anew_as_a_whole_is_found_by_its_anchor():
    write(3)
    anchor = chain.check_chain().head
    assert chain.check_chain(anchor).is_whole
    tamper("DELETE FROM registry_auditentry")
    AuditHead.objects.all().delete()
    write(4)
    assert chain.check_chain().is_whole
    report = chain.check_chain(anchor)
    assert [f"the chain does not contain {anchor}" in found for found in report.findings] == [True]


@pytest.mark.django_db(transaction=True)
def test_entries_written_at_once_stand_in_one_unbroken_chain():
    def work(number: int) -> None:
        try:
            for _ in range(10):
                chain.append("model.changed", actor=None, kind="model", subject=f"m{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    report = chain.check_chain()
    assert (report.is_whole, report.checked) == (True, 40)


def test_instructors_see_what_they_did_and_what_was_done_in_their_classes(
    model, admin, instructor, student, outsider
):
    ensure_model("of-admin", "town", admin, None)
    change_model(model, admin, description="by the admin")
    seen = {
        person.username: set(visible_entries(person).values_list("subject", flat=True))
        for person in (admin, instructor, student, outsider)
    }
    assert seen == {
        "admin": {"walker", "of-admin"},
        "instructor": {"walker"},
        "student": set(),
        "outsider": set(),
    }


def test_numbers_that_postgresql_spells_anew_are_no_alarm():
    details = {"large": 1e16, "larger": -1.5e300, "many": [-0.0, {"in": 2e20}], "small": 1e-7}
    chain.append("model.changed", actor=None, kind="model", subject="m", details=details)
    assert AuditEntry.objects.get().details == details
    assert chain.check_chain().is_whole


def test_a_chain_that_was_removed_whole_is_missed_while_there_are_versions(version):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE registry_auditentry, registry_audithead")
    assert chain.check_chain().findings == [
        "the chain is empty, though there are versions: it was removed"
    ]
