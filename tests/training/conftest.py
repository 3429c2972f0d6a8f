"""Runs to look at, without a worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.models import User
from tests.training.runs import make_run, wait_until
from training.models import Run


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., object]:
    return wait_until


@pytest.fixture
def run(instructor: User, classroom: object) -> Run:
    """A queued run of the instructor's class."""
    return make_run(owner=instructor, classroom=classroom)
