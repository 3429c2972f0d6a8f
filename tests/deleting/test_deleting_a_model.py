"""A model goes with everything that bears its name; the audit log keeps what happened."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.aliases.services import move_alias, protect_alias
from registry.artifacts.disk import stored_files
from registry.audit.chain import check_chain
from registry.audit.queries import history_of
from registry.deleting.errors import DeletionBlockedError, StalePreviewError
from registry.deleting.queries import preview
from registry.deleting.services import delete_model
from registry.models import Alias, AliasMove, Artifact, AuditEntry, ModelVersion, RegisteredModel
from registry.services import ensure_model
from tests.deleting.test_deleting_a_version import make_run
from tests.webhooks.conftest import make_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def delete(model: RegisteredModel, user=None):
    return delete_model(model, token=preview(model).token, user=user)


def test_model_goes_with_versions_aliases_history_and_files(
    model, versions, instructor, django_capture_on_commit_callbacks
):
    move_alias(model, "best", versions[0], instructor)
    found = preview(model)
    assert {(part.kind, part.count) for part in found.goes} == {
        ("model", 1),
        ("versions", 3),
        ("version cards", 3),
        ("checks", 3),
        ("aliases", 2),
        ("alias moves", 4),
    }
    with django_capture_on_commit_callbacks(execute=True):
        delete(model, instructor)
    for table in (RegisteredModel, ModelVersion, Alias, AliasMove, Artifact):
        assert not table.objects.exists()
    assert not list(stored_files())
    assert check_chain().is_whole
    entry = AuditEntry.objects.get(action="model.deleted")
    assert entry.details["versions"] == {v.number: v.artifact_id for v in versions}
    assert AuditEntry.objects.filter(action="version.deleted").count() == 3


def test_versions_of_other_models_lose_their_parent_and_stay(model, versions, register):
    other = ensure_model("runner", "town", model.owner, model.classroom)
    child = register(model=other, seed=8, parent=versions[1])
    delete(model)
    child.refresh_from_db()
    assert child.parent is None
    assert list(RegisteredModel.objects.all()) == [other]


def test_protected_alias_and_versions_in_service_hold_the_model(model, versions, instructor):
    from registry.versions import lifecycle

    move_alias(model, "best", versions[0], instructor)
    protect_alias(model, "best", True, instructor)
    lifecycle.move(versions[1], "validated")
    lifecycle.move(versions[1], "staged")
    with pytest.raises(DeletionBlockedError, match=r"best is protected.*1\.0\.1 is staged"):
        delete(model)


def test_run_that_trains_for_the_model_holds_it(model, versions):
    run = make_run(None, status="running", ended_at=None, model=model)
    with pytest.raises(DeletionBlockedError, match="1 run that use it have not ended"):
        delete(model)
    type(run).objects.update(status="succeeded", ended_at=timezone.now())
    delete(model)
    run.refresh_from_db()
    assert run.model is None


def test_version_registered_since_the_preview_saves_the_model(model, versions, register):
    token = preview(model).token
    register(seed=11)
    with pytest.raises(StalePreviewError):
        delete_model(model, token=token)
    assert ModelVersion.objects.count() == 4


def test_owner_is_told_of_a_deletion_though_the_model_is_gone(
    model, versions, instructor, settings
):
    hook = make_webhook(instructor, "https://example.org/", events=["model.deleted"])
    delete(model, instructor)
    assert [delivery.event for delivery in hook.deliveries.all()] == ["model.deleted"]


def test_history_of_a_name_begins_anew_with_a_new_model(
    model, versions, register, outsider, instructor
):
    delete(model, instructor)
    other = ensure_model("walker", "town", outsider, None)
    version = register(model=other, seed=9)
    assert [entry.action for entry in history_of(version)] == ["version.registered"]


def test_looking_at_a_large_model_takes_no_more_queries(model, versions, register, queries_of):
    few = queries_of(lambda: preview(model))
    for seed in range(3, 8):
        register(seed=seed)
    assert queries_of(lambda: preview(model)) <= few


@pytest.fixture
def queries_of():
    """How many queries something takes."""

    def count(look) -> int:
        with CaptureQueriesContext(connection) as captured:
            look()
        return len(captured)

    return count
