"""A run to watch, and watchers of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

import pytest

from hamlet.systems import SYSTEMS
from registry.models import Classroom, User
from tests.live.watching import Watch, cookie_of, watching
from tests.training.runs import wait_until
from training.models import Run, RunStatus


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., object]:
    return wait_until


@pytest.fixture
def run(instructor: User, classroom: Classroom) -> Run:
    """A run of the class that a worker seems to hold; nobody works on it."""
    spec = SYSTEMS["town"].build_runspec({"level": "L0.5", "seed": 3})
    return Run.objects.create(
        name="A watched run",
        system="town",
        level="L0.5",
        spec=spec.to_data(),
        spec_hash=spec.hash,
        owner=instructor,
        classroom=classroom,
        status=RunStatus.RUNNING,
        total=spec.budget,
        unit="episode",
    )


@pytest.fixture
def watch(web_server: str, run: Run, student: User) -> Iterator[Callable[..., Watch]]:
    """Open sockets of the run, as the student unless told otherwise; all close with the test."""
    with ExitStack() as open_sockets:

        def open_one(user: User = student, **options: Any) -> Watch:
            socket = watching(web_server, run, cookie_of(user), **options)
            return open_sockets.enter_context(socket)

        yield open_one


@pytest.fixture
def connecting(web_server: str, run: Run) -> Callable[..., AbstractContextManager[Watch]]:
    """`with connecting(cookie) as watch:`, for sockets that may be refused."""
    return partial(watching, web_server, run)
