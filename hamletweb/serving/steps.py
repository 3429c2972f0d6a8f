"""The steps of one request, which ends early when its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from hamlet.errors import Problem, SpecError
from hamletweb.serving.incoming import Body, ClientLeftError, Receive
from hamletweb.serving.memory import run_bytes
from hamletweb.serving.runner import Serving
from registry.serving.batching import Ran
from registry.serving.bodies import LONG_BYTES
from registry.serving.callers import Caller
from registry.serving.engines import LoadedModel
from registry.serving.inputs import Question
from registry.serving.targets import Target

T = TypeVar("T")


class RequestRunner:
    """A `Runner` (registry/serving/runners.py) for one request of the serving application."""

    def __init__(self, serving: Serving, receive: Receive) -> None:
        self._serving = serving
        self.receive = receive
        self.body = Body(serving.flight, serving.deadlines)

    async def caller(self, secret: str) -> Caller:
        """Whose token this is, with a permit for one request.

        Raises: AuthenticationFailed, TooManyRequestsError, TooBusyError.
        """
        caller = await self._serving.callers.get(secret)
        await self._serving.permit(caller)
        return caller

    async def target(self, caller: Caller, model: str, asked: str) -> Target:
        return await self._serving.target(caller, model, asked)

    async def load(self, target: Target) -> LoadedModel:
        return await self._serving.load(target.servable)

    async def run(self, target: Target, model: LoadedModel, question: Question) -> Ran:
        batcher = self._serving.batcher(model)
        size = run_bytes(model.signature, question.rows)
        self._serving.flight.take(size, own=self.body.taken)
        try:
            ran = batcher.try_now(question)
            return await self._watched(batcher.ask(question)) if ran is None else ran
        finally:
            self._serving.flight.give_back(size)

    async def run_all(self, members: Sequence[tuple[Target, LoadedModel, Question]]) -> list[Ran]:
        """Raises: SpecError if they ask for more memory than there is for all requests."""
        size = sum(run_bytes(model.signature, question.rows) for _, model, question in members)
        flight = self._serving.flight
        if size > flight.most_bytes:
            raise SpecError([Problem("members", too_many(members, size, flight.most_bytes))])
        flight.take(size, own=self.body.taken)
        try:
            return await self._watched(_all([self._ask(*member[1:]) for member in members]))
        finally:
            flight.give_back(size)

    async def _ask(self, model: LoadedModel, question: Question) -> Ran:
        batcher = self._serving.batcher(model)
        ran = batcher.try_now(question)
        return await batcher.ask(question) if ran is None else ran

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self._serving.aside(work, *arguments)

    async def compute(self, size: int, work: Callable[[], T]) -> T:
        """Little is done before a thread would have begun it."""
        return work() if size <= LONG_BYTES else await self._serving.compute(work)

    async def deliberate(self, work: Callable[[], T]) -> T:
        """Raises: TooBusyError, ClientLeftError."""
        return await self._watched(self._serving.deliberate(work))

    async def _watched(self, work: Coroutine[Any, Any, T]) -> T:
        """Raises: ClientLeftError; the work is cancelled then, and leaves its queue."""
        task = asyncio.ensure_future(work)
        left = asyncio.ensure_future(self.receive())
        try:
            await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientLeftError
            return task.result()
        finally:
            task.cancel()
            left.cancel()


def too_many(
    members: Sequence[tuple[Target, LoadedModel, Question]], size: int, most_bytes: int
) -> str:
    rows = members[0][2].rows
    return (
        f"{len(members)} members with {rows} rows each may take {size} bytes; this server has "
        f"{most_bytes} for all requests (HAMLET_PREDICT_BYTES). Send at most "
        f"{max(1, rows * most_bytes // size)} rows at once, or ask fewer members"
    )


async def _all(asked: Sequence[Coroutine[Any, Any, Ran]]) -> list[Ran]:
    """All answers, or the first error once none is on its way any more."""
    done = await asyncio.gather(*asked, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return list(done)
