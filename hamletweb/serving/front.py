"""The ASGI application of predictions. What it does not serve goes on to the one behind it.

It answers programs and probes. Requests with a cookie and without a token may come from a signed-in
browser, and are Django's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from django.conf import settings

from hamletweb.health.requests import REQUESTS, SECONDS
from hamletweb.serving.incoming import ClientLeftError, Headers, read_headers
from hamletweb.serving.outgoing import problem_reply, refusal, send_reply
from hamletweb.serving.routes import Asked, Found, Route, find_route
from hamletweb.serving.runner import Serving
from hamletweb.serving.steps import RequestRunner
from registry.nul import REFUSAL
from registry.problems import problem_data
from registry.serving.callers import secret_of
from registry.serving.calls import request_id_of
from registry.serving.protocol.answers import Reply

logger = logging.getLogger(__name__)

Application = Callable[..., Awaitable[None]]
NO_ROUTE = "There is no such route. GET /v2 and GET /api/v1/openapi.json say what there is."
NOT_HTTPS = "This server is asked over https alone, or the token would travel in the open."


class ServingFront:
    """Stands before `behind`, or alone where that is None."""

    def __init__(self, behind: Application | None = None) -> None:
        self._behind = behind
        self._serving: Serving | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        found = find_route(scope["method"], scope["path"])
        headers = read_headers(scope) if found is not None else Headers()
        if self._behind is not None and not self._answers(scope, found, headers):
            await self._behind(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = request_id_of(headers.x_request_id.decode("latin-1"))
        runner = RequestRunner(self.serving, receive)
        try:
            reply = await self._reply(scope, runner, (found, headers), request_id)
            await send_reply(send, reply, request_id)
        except ClientLeftError:
            return
        finally:
            runner.body.done()
        if found is not None and found.route is not None:
            count(found.route, reply.status, time.perf_counter() - began)

    @property
    def serving(self) -> Serving:
        """Begun with the first request of an event loop; some servers tell of no start."""
        if self._serving is None or self._serving.loop is not asyncio.get_running_loop():
            self._serving = Serving()
        return self._serving

    def _answers(self, scope: dict[str, Any], found: Found | None, headers: Headers) -> bool:
        """Whether the request is for here, and not for the application behind."""
        if found is None:
            return is_protocol(scope["path"])
        if not is_safe(scope, headers):
            return False
        # Django says to a browser what it cannot do, and needs the cookie for that alone.
        open_to_all = found.route is not None and found.route.access is None
        return open_to_all or bool(headers.authorization) or not headers.cookie

    async def _reply(
        self,
        scope: dict[str, Any],
        runner: RequestRunner,
        asked: tuple[Found | None, Headers],
        request_id: str,
    ) -> Reply:
        found, headers = asked
        protocol = is_protocol(scope["path"])
        if found is None:
            return problem_reply(
                404, problem_data(404, "There is no such route here."), protocol=protocol
            )
        route = found.route
        if route is None and scope["method"] == "OPTIONS":
            return Reply(b"", headers={"Allow": ", ".join((*found.methods, "OPTIONS"))})
        if route is None:
            problem = problem_data(405, f"This address answers {' and '.join(found.methods)}.")
            allow = {"Allow": ", ".join(found.methods)}
            return problem_reply(405, problem, allow, protocol=protocol)
        if not is_safe(scope, headers):
            return problem_reply(403, problem_data(403, NOT_HTTPS), protocol=protocol)
        if "\0" in scope["path"]:
            return problem_reply(400, problem_data(400, REFUSAL), protocol=protocol)
        try:
            caller = None
            if route.access is not None:
                caller = await runner.caller(secret_of(headers.authorization))
                caller.check(route.access)
            if route.check_type is not None:
                route.check_type(headers.content_type.decode("latin-1"))
            if route.method == "POST":
                await runner.body.read(runner.receive, headers, self.serving.compute)
            return await route.answer(
                runner, Asked(found, headers, caller, request_id, runner.body.content)
            )
        except ClientLeftError:
            raise
        except Exception as error:
            return refusal(error, protocol=protocol)

    async def _live(self, receive: Any, send: Any) -> None:
        """Lifespan: ready before the first request, and no row of the log lost at the end."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                _ = self.serving
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._serving is not None:
                    await self._serving.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def is_protocol(path: str) -> bool:
    """Whether this is an address of the Open Inference Protocol, which refuses in its own words."""
    return path == "/v2" or path.startswith("/v2/")


def is_safe(scope: dict[str, Any], headers: Headers) -> bool:
    """Over https, where the platform is used over https."""
    return not settings.HTTPS or b"https" in (scope["scheme"].encode(), headers.x_forwarded_proto)


def count(route: Route, status: int, seconds: float) -> None:
    requests, taken = _counters(route, status)
    requests.inc()
    taken.observe(seconds)


@lru_cache(maxsize=512)
def _counters(route: Route, status: int) -> tuple[Any, Any]:
    labels = (route.method, route.pattern)
    return REQUESTS.labels(*labels, str(status)), SECONDS.labels(*labels)
