"""The database itself refuses to change what must not change."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from registry.accounts.services import delete_user
from registry.artifacts.store import store_file
from registry.models import AliasMove, Artifact, ModelVersion

pytestmark = pytest.mark.django_db


def refused(statement: str, *values: object) -> str:
    with (
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("patch", 7),
        ("metrics", '{"survival": 1e9}'),
        ("signature", "{}"),
        ("lineage", "{}"),
        ("created_at", "2001-01-01"),
        ("brain_spec_hash", "sha256:0"),
        ("run_id", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_no_column_of_a_version_changes(register, column, value):
    version = register(metrics={"survival": 3.0}, lineage={"level": "L0"})
    assert "never changed" in refused(
        f"UPDATE registry_modelversion SET {column} = %s WHERE id = %s", value, version.pk
    )


def test_version_cannot_be_changed_or_deleted_through_the_orm(version):
    version.metrics = {"survival": 1e9}
    with pytest.raises(IntegrityError), transaction.atomic():
        version.save()
    version.aliases.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk)._raw_delete("default")


def test_account_of_who_registered_may_go_and_the_version_stays(register, instructor, admin):
    version = register(user=instructor)
    assert version.registered_by == instructor
    delete_user(instructor)
    version.refresh_from_db()
    assert version.registered_by is None
    assert AliasMove.objects.get().moved_by is None


def test_who_registered_is_forgotten_but_never_replaced(register, instructor, admin):
    version = register(user=instructor)
    refused(
        "UPDATE registry_modelversion SET registered_by_id = %s WHERE id = %s",
        admin.pk,
        version.pk,
    )


def test_history_of_aliases_is_never_rewritten(version):
    move = AliasMove.objects.get()
    refused("UPDATE registry_aliasmove SET moved_at = now() WHERE id = %s", move.pk)
    refused("UPDATE registry_aliasmove SET new_version_id = NULL WHERE id = %s", move.pk)
    refused("DELETE FROM registry_aliasmove WHERE id = %s", move.pk)


def test_artifacts_are_never_changed_and_deleted_by_retention_alone(artifact_dir):
    artifact = store_file(b"bytes", "text/plain")
    refused("UPDATE registry_artifact SET size_bytes = 1 WHERE sha256 = %s", artifact.sha256)
    assert "retention" in refused(
        "DELETE FROM registry_artifact WHERE sha256 = %s", artifact.sha256
    )
    assert Artifact.objects.exists()
