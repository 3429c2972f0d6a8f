"""A model of a class with a version in service, and examples and games to learn from."""

from __future__ import annotations

from typing import Any

import pytest

from registry.aliases.services import move_alias
from registry.models import Classroom, ModelVersion, RegisteredModel, User
from registry.versions import lifecycle
from registry.versions.models import VersionStatus
from tests.games.conftest import Program, servers  # noqa: F401  (a fixture)
from tests.learning_on.material import Change, Send
from tests.playing.boards import register_board_version

LEARNING = "/api/v1/models/dropper/learning"


@pytest.fixture
def teacher(instructor: User) -> Program:
    return Program(instructor)


@pytest.fixture
def version(instructor: User, classroom: Classroom, artifact_dir: object) -> ModelVersion:
    """dropper 1.0.0 of the instructor's class, checked."""
    made = register_board_version(instructor, classroom)
    lifecycle.move(made, VersionStatus.VALIDATED)
    return made


@pytest.fixture
def model(version: ModelVersion) -> RegisteredModel:
    """dropper, of which 1.0.0 is in service."""
    move_alias(version.model, "production", version)
    return version.model


@pytest.fixture
def send(teacher: Program) -> Send:
    """`send(examples, ...)`: queue examples for `dropper`, as the instructor."""

    def sending(examples: list[dict[str, Any]], key: str = "", **body: Any):
        headers = {"Idempotency_Key": key} if key else {}
        wanted = {"model": "dropper", "incremental": True, "examples": examples, **body}
        return teacher.send("/api/v1/train", wanted, **headers)

    return sending


@pytest.fixture
def change(instructor: User) -> Change:
    """`change(nightly=True)`: as the instructor."""
    return Change(instructor, LEARNING)


@pytest.fixture
def few_are_enough(settings: Any) -> None:
    """Let as few as this be enough, so that a test is quick."""
    settings.INCREMENTAL_EXAMPLES = 4
    settings.RETRAIN_GAMES = 3
