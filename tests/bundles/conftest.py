"""A class's model with a life behind it, and what is needed to wipe and restore it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from registry.aliases.services import move_alias, protect_alias, remove_alias
from registry.bundles.services import export_bundle
from registry.models import ModelVersion, RegisteredModel, User
from tests.registry import conftest as registry_fixtures
from tests.registry.checkpoints import WIDER

model = registry_fixtures.model
register = registry_fixtures.register
no_search_for_static_files = registry_fixtures.no_search_for_static_files
one_look_at_each_file = registry_fixtures.one_look_at_each_file


@pytest.fixture
def story(
    model: RegisteredModel,
    register: Callable[..., ModelVersion],
    instructor: User,
) -> list[ModelVersion]:
    """Three versions of `walker`, the third a child of the first, and aliases that moved."""
    first = register(user=instructor, metrics={"score": 1.5}, lineage={"level": "L0"})
    second = register(seed=1, brain=WIDER, tags={"keep": "yes"}, description="wider\r\nthan it was")
    third = register(seed=2, parent=first, parameters={"budget": 10}, user=instructor)
    move_alias(model, "best", first, instructor, reason="the only one")
    move_alias(model, "best", third, instructor)
    move_alias(model, "trial", second, None)
    remove_alias(model, "trial", instructor)
    protect_alias(model, "best", True, instructor)
    return [first, second, third]


@pytest.fixture
def bundle(story: list[ModelVersion], model: RegisteredModel, tmp_path: Path) -> Path:
    """`walker` in one file."""
    path = tmp_path / "walker.zip"
    export_bundle([model], path)
    return path


@pytest.fixture
def wipe() -> Callable[[], None]:
    """Forget all models and files, as on another server: people and classes stay."""

    def forget() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else TRUNCATE would have to wait
            cursor.execute(
                "TRUNCATE registry_registeredmodel, registry_artifact, registry_auditentry, "
                "registry_audithead CASCADE"
            )
        shutil.rmtree(Path(django_settings.ARTIFACT_DIR))
        Path(django_settings.ARTIFACT_DIR).mkdir(mode=0o700)

    return forget
