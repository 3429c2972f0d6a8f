"""Versions to be searched: `find("metrics.loss < 1")` gives the names of what is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.accounts.models import Role
from registry.models import ModelVersion
from registry.searching.compiling import condition
from registry.searching.tables import VERSIONS
from tests.running import people
from tests.searching.rows import make_version

EMPTY: dict[str, Any] = {
    "name": "plain",
    "status": "registered",
    "format": "hamlet",
    "tags": {},
    "metrics": {},
    "params": {},
    "alias": [],
    "owner": None,
    "hours": 0,
}


@pytest.fixture
def users(db):
    return {name: people.make_person(name, Role.STUDENT) for name in ("ada", "grace")}


@pytest.fixture
def keep(users) -> Callable[..., ModelVersion]:
    """Keep a version: `keep("a", metrics={"loss": 1})`; its model is called `a 0`, `b 1`..."""

    def make(name: str, **row: Any) -> ModelVersion:
        number = ModelVersion.objects.count()
        return make_version({**EMPTY, "name": name, **row}, number, users)

    return make


@pytest.fixture
def find(users) -> Callable[[str], str]:
    def found(query: str) -> str:
        rows = ModelVersion.objects.filter(condition(query, VERSIONS)).order_by("minor")
        return " ".join(row.model.name.split()[0] for row in rows.select_related("model"))

    return found
