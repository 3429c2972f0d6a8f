"""The routes of the serving application: what each asks of its caller, and what answers it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from hamletweb.serving.incoming import Headers
from registry.accounts.permissions import Access
from registry.serving import edge
from registry.serving.callers import PREDICT, READ, Caller
from registry.serving.prediction import Call
from registry.serving.protocol import steps
from registry.serving.protocol.answers import Reply
from registry.serving.runners import Runner

Answer = Callable[[Runner, "Asked"], Awaitable[Reply]]


@dataclass(frozen=True, eq=False)
class Route:
    """One address and method.

    Attributes:
        pattern: as Django's router has it, by which requests are counted.
        access: None for what anybody may ask. check_type: of a body; None if it takes none.
        answer: what a request for it gets.
    """

    method: str
    pattern: str
    access: Access | None
    check_type: Callable[[str], None] | None
    answer: Answer
    protocol: bool = False


@dataclass(frozen=True)
class Found:
    """A route with what the address says; `route` is None where the method does not fit."""

    route: Route | None
    model: str | None = None
    asked: str | None = None
    methods: tuple[str, ...] = ()


@dataclass(slots=True)
class Asked:
    """One request for a route. `caller` is None where anybody may ask."""

    found: Found
    headers: Headers
    caller: Caller | None
    request_id: str
    body: bytes


async def _predict(runner: Runner, asked: Asked) -> Reply:
    return await edge.predict(runner, asked.caller, asked.request_id, asked.body)


async def _ensemble(runner: Runner, asked: Asked) -> Reply:
    return await edge.ensemble(runner, asked.caller, asked.request_id, asked.body)


async def _infer(runner: Runner, asked: Asked) -> Reply:
    return await edge.protocol_infer(
        *(runner, asked.caller, asked.request_id, asked.body),
        model=asked.found.model,
        asked=asked.found.asked,
        header_length=asked.headers.inference_header_content_length.decode("latin-1"),
    )


async def _metadata(runner: Runner, asked: Asked) -> Reply:
    return await steps.describe_model(runner, _call(asked), asked.found.model, asked.found.asked)


async def _model_ready(runner: Runner, asked: Asked) -> Reply:
    return await steps.model_ready(runner, _call(asked), asked.found.model, asked.found.asked)


async def _index(runner: Runner, asked: Asked) -> Reply:
    return await steps.repository_index(runner, _call(asked))


async def _live(runner: Runner, asked: Asked) -> Reply:
    return await steps.server_health(runner, ready=False)


async def _ready(runner: Runner, asked: Asked) -> Reply:
    return await steps.server_health(runner, ready=True)


async def _server(runner: Runner, asked: Asked) -> Reply:
    return steps.describe_server()


def _call(asked: Asked) -> Call:
    return Call(asked.caller, asked.request_id, "v2", 0.0)


def _own(pattern: str, answer: Answer) -> Route:
    return Route("POST", pattern, PREDICT, edge.check_json_type, answer)


def _v2(method: str, pattern: str, access: Access | None, answer: Answer) -> Route:
    check = edge.check_protocol_type if answer is _infer else None
    return Route(method, f"v2{pattern}", access, check, answer, protocol=True)


MODEL = "/models/<slug:name>"
VERSION = f"{MODEL}/versions/<str:number>"
ROUTES = (
    _own("api/v1/predict", _predict),
    _own("api/v1/predict/ensemble", _ensemble),
    _v2("GET", "", READ, _server),
    _v2("GET", "/", READ, _server),
    _v2("GET", "/health/live", None, _live),
    _v2("GET", "/health/ready", None, _ready),
    _v2("GET", "/repository/index", READ, _index),
    _v2("POST", "/repository/index", READ, _index),
    *(
        _v2(method, f"{where}{end}", access, answer)
        for where in (MODEL, VERSION)
        for method, end, access, answer in (
            ("GET", "", READ, _metadata),
            ("GET", "/", READ, _metadata),
            ("GET", "/ready", READ, _model_ready),
            ("POST", "/infer", PREDICT, _infer),
        )
    ),
)
BY_PATTERN: dict[str, dict[str, Route]] = {}
for _route in ROUTES:
    BY_PATTERN.setdefault(_route.pattern, {})[_route.method] = _route
PATTERNS = [
    (
        re.compile(
            "/"
            + pattern.replace("<slug:name>", "(?P<name>[-a-zA-Z0-9_]+)").replace(
                "<str:number>", "(?P<number>[^/]+)"
            )
        ),
        routes,
    )
    for pattern, routes in BY_PATTERN.items()
]


@lru_cache(maxsize=4096)
def find_route(method: str, path: str) -> Found | None:
    """None where the path is no route of this application."""
    for pattern, routes in PATTERNS:
        if match := pattern.fullmatch(path):
            named = match.groupdict()
            methods = (*routes, "HEAD") if "GET" in routes else tuple(routes)
            # The server sends the head of the answer alone.
            route = routes.get("GET" if method == "HEAD" else method)
            return Found(route, named.get("name"), named.get("number"), methods)
    return None
