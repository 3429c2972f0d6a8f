"""Counts requests and how long they took, by route: the middleware behind `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import CollectorRegistry, Counter, Histogram

# Of this process. Several web processes are several targets for Prometheus, which adds them up.
REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "hamlet_http_requests",
    "HTTP requests answered.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "hamlet_http_request_seconds",
    "Time from the first middleware to the reply.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@sync_and_async_middleware
def count_requests(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            began = time.perf_counter()
            response = await get_response(request)
            note(request, response.status_code, time.perf_counter() - began)
            return response

    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            began = time.perf_counter()
            response = get_response(request)
            note(request, response.status_code, time.perf_counter() - began)
            return response

    return middleware


def note(request: HttpRequest, status: int, seconds: float) -> None:
    # The route's pattern, never the path: a label for each run would grow without end. The same
    # for a method that somebody made up.
    match = getattr(request, "resolver_match", None)
    route = match.route if match else "(none)"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
