"""Two servers that must answer alike: the web process, and the serving application alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token
from registry.artifacts.store import store_file
from registry.models import Classroom, ModelVersion, RegisteredModel
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.registry.checkpoints import checkpoint_bytes
from tests.registry.exported import export_onnx_of
from tests.running.processes import PlatformProcess
from tests.serving.asking import Program
from tests.serving.processes import start_serving

MEDIA_TYPE = "application/vnd.safetensors"


@pytest.fixture(scope="session")
def _serving_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], str]]:
    running: list[tuple[PlatformProcess, str]] = []

    def url() -> str:
        if not running or running[-1][0].process.poll() is not None:
            running.append(start_serving(tmp_path_factory.mktemp("serving") / "serving.log"))
        return running[-1][1]

    yield url
    for process, _ in running:
        process.stop()


@pytest.fixture
def serving_server(
    transactional_db: None,
    redis_url: str,
    artifact_dir: Path,
    _serving_process: Callable[[], str],
) -> str:
    """Base URL of the serving application alone, under uvicorn."""
    return _serving_process()


@pytest.fixture(params=["web", "serving"])
def server(request: pytest.FixtureRequest) -> str:
    """Base URL of each of both."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
def model(
    transactional_db: None, instructor: User, classroom: Classroom, artifact_dir: Path
) -> RegisteredModel:
    return ensure_model("walker", "town", instructor, classroom)


@pytest.fixture
def register(model: RegisteredModel) -> Callable[..., ModelVersion]:
    """Register a real checkpoint: `register(seed=1, brain=..., cells=..., onnx=True)`."""

    def make(
        *, seed: int = 0, cells: int = 3, brain: str | None = None, onnx: bool = False
    ) -> ModelVersion:
        content = checkpoint_bytes(seed=seed, cells=cells, **({"brain": brain} if brain else {}))
        version = register_version(model=model, artifact=store_file(content, MEDIA_TYPE))
        if onnx:
            export_onnx_of(version)
        return version

    return make


@pytest.fixture
def program_of(server: str) -> Callable[..., Program]:
    """A program of somebody: `program_of(student, scopes=[...])`."""

    def make(user: User, scopes: tuple[Scope, ...] = (Scope.PREDICT, Scope.READ)) -> Program:
        _, secret = issue_token(user, "program", scopes)
        return Program(server, secret)

    return make


@pytest.fixture
def program(program_of: Callable[..., Program], student: User) -> Program:
    return program_of(student)
