"""What the tests of the registry start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.artifacts.store import store_file
from registry.models import Classroom, ModelVersion, RegisteredModel, User
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.registry.checkpoints import checkpoint_bytes
from tests.running.inspections import looked_into_once

MEDIA_TYPE = "application/vnd.safetensors"


@pytest.fixture
def model(instructor: User, classroom: Classroom, artifact_dir: Path) -> RegisteredModel:
    return ensure_model("walker", "town", instructor, classroom)


@pytest.fixture
def register(model: RegisteredModel) -> Callable[..., ModelVersion]:
    """Register a real checkpoint: `register(seed=1, brain=..., cells=..., run_id=..., ...)`."""

    def make(*, seed: int = 0, cells: int = 3, brain: str | None = None, **rest) -> ModelVersion:
        content = checkpoint_bytes(seed=seed, cells=cells, **({"brain": brain} if brain else {}))
        artifact = store_file(content, MEDIA_TYPE)
        return register_version(model=rest.pop("model", model), artifact=artifact, **rest)

    return make


@pytest.fixture
def version(register: Callable[..., ModelVersion]) -> ModelVersion:
    return register()


@pytest.fixture(autouse=True)
def one_look_at_each_file() -> Iterator[None]:
    with looked_into_once():
        yield


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True
