"""The steps of an answer beside many others: with caches, threads and micro-batches.

A warm request meets no thread, no database and no Valkey here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connections
from rest_framework.exceptions import AuthenticationFailed

from hamletweb.serving.deadlines import Deadlines
from hamletweb.serving.fresh import MOST_LOOK_UPS, STALE_S, FreshCache
from hamletweb.serving.listening import Listener
from hamletweb.serving.look_ups import LookUps
from hamletweb.serving.memory import Flight
from registry.limits.leases import Permit, token_limits
from registry.serving.batching import Batcher
from registry.serving.callers import Caller, find_caller, unknown_token
from registry.serving.engines import LoadedModel
from registry.serving.errors import TooBusyError
from registry.serving.log.writer import prediction_log
from registry.serving.pool import shared_pool
from registry.serving.targets import Servable, Target, find_target
from registry.serving.warming import warm_targets

logger = logging.getLogger(__name__)
T = TypeVar("T")
MOST_DELIBERATIONS = 16  # searches that wait or run
MOST_REFUSED = 1000  # tokens that are remembered as unknown

Route = tuple[int, str, str]  # user, model, version or alias


class Serving:
    """What the requests of one process share. Lives on one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.flight = Flight(settings.PREDICT_BYTES)
        self.deadlines = Deadlines(settings.PREDICT_BODY_SECONDS)
        self.callers: FreshCache[str, Caller] = FreshCache(self._find_caller)
        self.routes: FreshCache[Route, Target] = FreshCache(self._find_target)
        self._users: dict[int, Caller] = {}
        self._pool = shared_pool()
        self._loading: dict[str, asyncio.Task[LoadedModel]] = {}
        self._batchers: WeakKeyDictionary[LoadedModel, Batcher] = WeakKeyDictionary()
        self._looking = LookUps(3, "look-up")
        # Tokens that nobody has may be many; they wait for each other alone.
        self._strangers = LookUps(1, "look-up-strangers")
        self._refused: OrderedDict[str, float] = OrderedDict()
        self._loaders = ThreadPoolExecutor(2, "load")
        self._running = ThreadPoolExecutor(settings.PREDICT_THREADS, "run")
        self._aside = ThreadPoolExecutor(4, "aside")
        # One alone: Python reads no two bodies at the same time, and two threads would only take
        # the turns of the event loop.
        self._computing = ThreadPoolExecutor(1, "compute")
        self._searching = ThreadPoolExecutor(1, "search")
        self._deliberations = 0
        self._tasks: set[asyncio.Task] = set()
        self._listener = Listener(self.loop, self.changed)
        self._listener.start()
        self._begin(self._warm_up())

    async def stop(self) -> None:
        """Write the log; what runs ends by itself."""
        self._listener.stop()
        await asyncio.to_thread(prediction_log().flush)
        for look_ups in (self._looking, self._strangers):
            look_ups.stop()
        threads = (self._loaders, self._running, self._aside, self._computing, self._searching)
        for pool in threads:
            pool.shutdown(wait=False, cancel_futures=True)

    async def target(self, caller: Caller, model: str, asked: str) -> Target:
        self._users[caller.user.id] = caller
        return await self.routes.get((caller.user.id, model, asked))

    async def load(self, servable: Servable) -> LoadedModel:
        model = self._pool.peek(servable)
        if model is not None:
            return model
        task = self._loading.get(servable.sha256)
        if task is None:
            if len(self._loading) >= MOST_LOOK_UPS:
                raise TooBusyError("too many models are being loaded. Try again in a second.")
            task = asyncio.create_task(self._load(servable))
            self._loading[servable.sha256] = task
        return await asyncio.shield(task)

    def batcher(self, model: LoadedModel) -> Batcher:
        """The queue before a model; it ends with the model, which the pool alone keeps."""
        found = self._batchers.get(model)
        if found is None:
            found = self._batchers[model] = Batcher(
                model,
                self._running,
                settings.PREDICT_QUEUE,
                most_running=settings.PREDICT_THREADS,
            )
        return found

    async def permit(self, caller: Caller) -> None:
        """Raises: TooManyRequestsError."""
        limits = token_limits()
        found = limits.try_take(caller.token)
        if found is Permit.NONE:
            await self.loop.run_in_executor(self._aside, limits.take, caller.token)
        elif found is Permit.LAST:
            self.loop.run_in_executor(self._aside, limits.fetch, caller.token)

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        return await self.loop.run_in_executor(self._aside, _and_disconnect, work, *arguments)

    async def compute(self, work: Callable[[], T]) -> T:
        """Do what would hold up everybody else beside the event loop, one after the other."""
        return await self.loop.run_in_executor(self._computing, work)

    async def deliberate(self, work: Callable[[], T]) -> T:
        """Do what asks a model many times over, one after the other.

        Raises: TooBusyError if too many wait already.
        """
        if self._deliberations >= MOST_DELIBERATIONS:
            raise TooBusyError(
                f"{MOST_DELIBERATIONS} searches wait already. Try again in a second, or ask for "
                "fewer simulations."
            )
        self._deliberations += 1
        future = self._searching.submit(work)
        future.add_done_callback(lambda _: self.loop.call_soon_threadsafe(self._deliberated))
        return await asyncio.wrap_future(future)

    def _deliberated(self) -> None:
        self._deliberations -= 1

    def changed(self, what: str) -> None:
        """Forget what is said to have changed: `model:7`, `version:9`, `token:3`, `user:5`, or
        everything, if word of some change may have been lost."""
        kind, _, text = what.partition(":")
        number = int(text) if text.isdigit() else 0
        if kind in ("token", "user", "everything"):
            self._refused.clear()
            self.callers.forget(
                lambda _, caller: (
                    kind == "everything"
                    or (caller.token.pk if kind == "token" else caller.user.pk) == number
                )
            )
        gone = self.routes.forget(
            lambda key, target: (
                kind == "everything"
                or number
                == {"model": target.model_id, "version": target.version_id, "user": key[0]}.get(
                    kind
                )
            )
        )
        # Whoever asks next finds the new version looked up and loaded, or on its way.
        for route in gone:
            self._begin(self._look_ahead(route))
        if settings.WARM_MODELS and kind in ("model", "everything"):
            self._begin(self._warm_up())

    async def _find_caller(self, secret: str) -> Caller:
        """Raises: AuthenticationFailed; at once for a token that was refused a moment ago."""
        if time.monotonic() < self._refused.get(secret, 0.0):
            raise unknown_token()
        known = self.callers.has_found(secret)
        try:
            return await (self._looking if known else self._strangers).ask(find_caller, secret)
        except AuthenticationFailed:
            self._refused[secret] = time.monotonic() + STALE_S
            while len(self._refused) > MOST_REFUSED:
                self._refused.popitem(last=False)
            raise

    async def _find_target(self, route: Route) -> Target:
        user_id, model, asked = route
        return await self._looking.ask(find_target, self._users[user_id].user, model, asked)

    async def _load(self, servable: Servable) -> LoadedModel:
        try:
            return await self.loop.run_in_executor(self._loaders, self._pool.get, servable)
        finally:
            del self._loading[servable.sha256]

    async def _look_ahead(self, route: Route) -> None:
        target = await self.routes.get(route)
        await self.load(target.servable)

    async def _warm_up(self) -> None:
        for target in await self._looking.ask(warm_targets, settings.WARM_MODELS):
            await self.load(target.servable)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the requests. What fails here fails again, and is told, where somebody asks."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)


def _and_disconnect(work: Callable[..., T], *arguments: Any) -> T:
    """PostgreSQL has so many connections and no more; a thread that waits needs none."""
    try:
        return work(*arguments)
    finally:
        connections.close_all()


def _log_failure(task: asyncio.Task) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.info("not ready beforehand: %s", error)
