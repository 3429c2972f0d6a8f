"""The steps of one request, which ends early when its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from hamletweb.serving.memory import run_bytes
from hamletweb.serving.runner import Serving
from registry.serving.batching import Ran
from registry.serving.callers import Caller
from registry.serving.engines import LoadedModel
from registry.serving.inputs import Question
from registry.serving.targets import Target

T = TypeVar("T")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


class RequestRunner:
    """A `Runner` (registry/serving/runners.py) for one request of the serving application."""

    def __init__(self, serving: Serving, receive: Receive) -> None:
        self._serving = serving
        self.receive = receive

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
        batcher = self._serving.batcher(target.servable, model)
        size = run_bytes(model.signature, question.rows)
        self._serving.flight.take(size)
        try:
            ran = batcher.try_now(question)
            return await self._watched(batcher.ask(question)) if ran is None else ran
        finally:
            self._serving.flight.give_back(size)

    async def run_all(self, members: Sequence[tuple[Target, LoadedModel, Question]]) -> list[Ran]:
        sizes = [run_bytes(model.signature, question.rows) for _, model, question in members]
        self._serving.flight.take(sum(sizes))
        try:
            return await self._watched(_all([self._ask(*member) for member in members]))
        finally:
            self._serving.flight.give_back(sum(sizes))

    async def _ask(self, target: Target, model: LoadedModel, question: Question) -> Ran:
        batcher = self._serving.batcher(target.servable, model)
        ran = batcher.try_now(question)
        return await batcher.ask(question) if ran is None else ran

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self._serving.aside(work, *arguments)

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


async def _all(asked: Sequence[Coroutine[Any, Any, Ran]]) -> list[Ran]:
    """All answers, or the first error once none is on its way any more."""
    done = await asyncio.gather(*asked, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return list(done)
