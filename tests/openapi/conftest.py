"""The description that the product serves, and real things to call it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from registry.accounts.models import Classroom, User
from registry.artifacts.store import store_file
from registry.models import RegisteredModel, RetentionRule
from registry.versions.services import register_version
from tests.access import world
from tests.registry.checkpoints import checkpoint_bytes


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def things(student: User, instructor: User, classroom: Classroom) -> dict[str, Any]:
    """Path parameters of things that are there, by the names that routes give them."""
    made = world.build(student, instructor, classroom)
    model = RegisteredModel.objects.get(name=made["name"])
    artifact = store_file(checkpoint_bytes(seed=1), world.SAFETENSORS)
    spare = register_version(model=model, artifact=artifact, user=instructor)
    RetentionRule.objects.create(model=None)
    return {**made, "spare_number": spare.number}


@pytest.fixture
def known_parameters(things: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """`known_parameters(path)`: those of things that are there."""

    def find(path: str) -> dict[str, Any]:
        found = {name: str(value) for name, value in things.items() if f"{{{name}}}" in path}
        for start, special in SPECIAL:
            if path.startswith(start):
                found |= {name: str(things.get(value, value)) for name, value in special.items()}
        return found

    return find


# Where a route's parameter is not what its name says elsewhere; a thing's key, or the value.
SPECIAL: tuple[tuple[str, dict[str, str]], ...] = (
    ("/api/v1/brains/{name}/diff", {"name": "small", "other": "small"}),
    ("/api/v1/brains/{name}", {"name": "small"}),
    ("/api/v1/datasets/{name}", {"name": "friday"}),
    ("/api/v1/predictions/{request_id}", {"request_id": "asked_once"}),
    ("/api/v1/systems/{name}", {"name": "town"}),
    ("/api/v1/hypersearch/{job_id}", {"job_id": "search_id"}),
    ("/api/v1/jobs/{job_id}/result", {"job_id": "done_job_id"}),
    ("/api/v1/jobs/{job_id}/retry", {"job_id": "ended_job_id"}),
    ("/api/v1/deploy/{version_id}", {"version_id": "walker:1.0.0"}),
    ("/api/v1/train/{job_id}", {"job_id": "run_id"}),
    ("/api/v1/runs/{run_id}/resume", {"run_id": "paused_run_id"}),
    ("/api/v1/runs/{run_id}/replays/{number}", {"number": "replay_number"}),
    ("/api/v1/models/{name}/versions/{number}/exports/{form}", {"form": "torchscript"}),
    ("/api/v1/models/{name}/versions/{number}/status", {"number": "spare_number"}),
)
