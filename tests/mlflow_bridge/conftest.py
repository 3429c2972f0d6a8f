"""A model with a life behind it, and a real MLflow server to give it to."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import pytest
from django.core.management import call_command

from registry.aliases.services import move_alias
from registry.models import ModelVersion, User
from tests.mlflow_bridge.server import MlflowServer
from tests.registry import conftest as registry_fixtures
from tests.registry.checkpoints import WIDER

model = registry_fixtures.model
register = registry_fixtures.register
one_look_at_each_file = registry_fixtures.one_look_at_each_file


@pytest.fixture(scope="session")
def _mlflow_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], MlflowServer]]:
    running: list[MlflowServer] = []

    def get() -> MlflowServer:
        if not running:
            running.append(MlflowServer(tmp_path_factory.mktemp("mlflow")))
        return running[0]

    yield get
    for server in running:
        server.process.kill_now()  # and its worker; it has nothing to save


@pytest.fixture
def mlflow_server(
    db: None, _mlflow_process: Callable[[], MlflowServer], monkeypatch: pytest.MonkeyPatch
) -> MlflowServer:
    """One `mlflow server` for the session; each test uses models of names of its own."""
    if find_spec("mlflow") is None:
        pytest.skip("MLflow is an extra: pip install -r requirements-mlflow.txt")
    for name, value in MlflowServer.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return _mlflow_process()


@pytest.fixture
def run(mlflow_server: MlflowServer, admin: User) -> Callable[..., str]:
    """A command against that server; returns what it printed."""

    def call(*arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, "--tracking-uri", mlflow_server.url, stdout=out)
        return out.getvalue()

    return call


@pytest.fixture
def story(register: Callable[..., ModelVersion], instructor: User) -> list[ModelVersion]:
    """Three versions of `walker`, the third a child of the first, and an alias."""
    first = register(
        user=instructor,
        metrics={"score": 1.5},
        parameters={"budget": 10, "training": {"rate": 0.1}, "note": None},
        lineage={"level": "L0", "seed": 7},
        tags={"team": "red"},
        description="the first\r\nof them",
    )
    second = register(seed=1, brain=WIDER)
    third = register(seed=2, brain=WIDER, parent=first, part="minor")
    move_alias(first.model, "best", first, instructor)
    move_alias(first.model, "v1", third, instructor)
    return [first, second, third]
