"""Who is told of what: by class, by owner, and by the role that the owner has today."""

from __future__ import annotations

import pytest

from registry.audit.services import record
from registry.models import AuditEntry, Role, Webhook
from registry.services import ensure_model
from registry.webhooks import queries
from tests.running.people import make_classroom, make_person
from tests.webhooks.conftest import make_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def hears(webhook: Webhook, entry: AuditEntry) -> bool:
    return webhook in queries.listeners(entry)


def test_webhook_hears_of_its_class_or_of_its_owners_own_things(
    receiver, model, instructor, classroom, admin
):
    other_class = make_classroom("Elsewhere")
    other = make_person("other", Role.INSTRUCTOR, other_class)
    own = make_webhook(instructor, receiver.url)
    of_class = make_webhook(instructor, receiver.url, classroom=classroom.pk)
    foreign_class = make_webhook(other, receiver.url, classroom=other_class.pk)
    foreign_own = make_webhook(other, receiver.url)
    of_admin = make_webhook(admin, receiver.url, classroom=classroom.pk)
    shared = record(
        "alias.moved",
        actor=admin,
        kind="alias",
        subject="walker@best",
        classroom_id=classroom.pk,
    )
    assert queries.listeners(shared) == [own, of_class, of_admin]
    ensure_model("secret", "town", other, None)
    private = AuditEntry.objects.filter(subject="secret").first() or record(
        "model.created", actor=other, kind="model", subject="secret"
    )
    assert queries.listeners(private) == [foreign_own]
    assert not hears(foreign_class, shared)


def test_webhook_hears_only_what_it_asked_for(receiver, model, instructor):
    asked = make_webhook(instructor, receiver.url, events=["alias.moved"])
    moved = record("alias.moved", actor=instructor, kind="alias", subject="walker@best")
    changed = record("model.changed", actor=instructor, kind="model", subject="walker")
    assert hears(asked, moved)
    assert not hears(asked, changed)


def test_whoever_lost_class_role_or_account_hears_no_more(
    receiver, model, instructor, classroom, admin
):
    from registry.accounts.services import set_active, set_role

    of_class = make_webhook(instructor, receiver.url, classroom=classroom.pk)
    own = make_webhook(instructor, receiver.url)
    entry = record(
        "model.changed", actor=None, kind="model", subject="walker", classroom_id=classroom.pk
    )
    assert queries.listeners(entry) == [of_class, own]
    instructor.memberships.update(teaches=False)
    assert queries.listeners(entry) == [own]
    set_role(instructor, Role.STUDENT)
    assert queries.listeners(entry) == []
    set_role(instructor, Role.INSTRUCTOR)
    set_active(instructor, False)
    assert queries.listeners(entry) == []
