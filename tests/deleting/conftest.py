"""A class's model with three versions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.models import ModelVersion, User
from tests.registry import conftest as registry_fixtures

model = registry_fixtures.model
register = registry_fixtures.register
no_search_for_static_files = registry_fixtures.no_search_for_static_files


@pytest.fixture
def versions(register: Callable[..., ModelVersion], instructor: User) -> list[ModelVersion]:
    """1.0.0, 1.0.1 and 1.0.2 of `walker`; `latest` names the last."""
    return [register(seed=seed, user=instructor, lineage={"seed": seed}) for seed in range(3)]
