"""Two ways to do the steps of an answer: here and now, or on an event loop beside many others.

The steps themselves are written once, as `async def`. A Django view, a command or a worker drives
them with a DirectRunner, in whose hands nothing ever waits, so that they can be run to their end
in one go. The serving application has a runner of its own (hamletweb/serving/), with caches,
threads and micro-batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from registry.serving.batching import Ran
from registry.serving.callers import Caller
from registry.serving.counting import COUNTS
from registry.serving.engines import LoadedModel
from registry.serving.inputs import Question
from registry.serving.joining import run_alone
from registry.serving.pool import ModelPool, shared_pool
from registry.serving.targets import Target, find_target

T = TypeVar("T")


class Runner(Protocol):
    """What answering needs from outside."""

    async def target(self, caller: Caller, model: str, asked: str) -> Target: ...

    async def load(self, target: Target) -> LoadedModel: ...

    async def run(self, target: Target, model: LoadedModel, question: Question) -> Ran: ...

    async def run_all(
        self, members: Sequence[tuple[Target, LoadedModel, Question]]
    ) -> list[Ran]: ...

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what waits for somebody else, such as Valkey."""
        ...

    async def compute(self, size: int, work: Callable[[], T]) -> T:
        """Do what takes time in proportion to the `size` bytes of a body."""
        ...

    async def deliberate(self, work: Callable[[], T]) -> T:
        """Do what asks a model many times over. Raises: OverloadedError."""
        ...


class DirectRunner:
    """Does each step in the calling thread."""

    def __init__(self, pool: ModelPool | None = None) -> None:
        self._pool = pool or shared_pool()

    async def target(self, caller: Caller, model: str, asked: str) -> Target:
        return find_target(caller.user, model, asked)

    async def load(self, target: Target) -> LoadedModel:
        return self._pool.get(target.servable)

    async def run(self, target: Target, model: LoadedModel, question: Question) -> Ran:
        began = time.perf_counter()
        outcome = run_alone(model, question)
        if isinstance(outcome, Exception):
            raise outcome
        COUNTS.runs += 1
        COUNTS.rows += question.rows
        return Ran(outcome, 0.0, time.perf_counter() - began, question.rows)

    async def run_all(self, members: Sequence[tuple[Target, LoadedModel, Question]]) -> list[Ran]:
        return [await self.run(*member) for member in members]

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        return work(*arguments)

    async def compute(self, size: int, work: Callable[[], T]) -> T:
        return work()

    async def deliberate(self, work: Callable[[], T]) -> T:
        return work()


def finish_now(steps: Coroutine[Any, Any, T]) -> T:
    """Run steps that never wait, as they do with a DirectRunner."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    steps.close()
    raise RuntimeError("these steps wait for something; they need an event loop")
