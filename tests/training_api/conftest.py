"""Programs that train and deploy, and a small version that plays Connect Four."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.models import Classroom, ModelVersion, User
from tests.games.conftest import Program, servers  # noqa: F401  (a fixture)
from tests.playing.boards import register_board_version


@pytest.fixture
def viewer(student: User) -> Program:
    return Program(student)


@pytest.fixture
def stranger(outsider: User) -> Program:
    return Program(outsider)


@pytest.fixture
def teacher(instructor: User) -> Program:
    return Program(instructor)


@pytest.fixture
def register(
    instructor: User, classroom: Classroom, artifact_dir: object
) -> Callable[..., ModelVersion]:
    """`register(seed)`: another version of the model `dropper`, of the instructor's class."""

    def make(seed: int = 0) -> ModelVersion:
        return register_board_version(instructor, classroom, seed=seed)

    return make


@pytest.fixture
def version(register: Callable[..., ModelVersion]) -> ModelVersion:
    return register()
