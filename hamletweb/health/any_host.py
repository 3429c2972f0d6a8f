"""`/healthz` for any `Host` header: probes of a platform ask by address, not by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils.decorators import sync_and_async_middleware

PATH = "/healthz"


@sync_and_async_middleware
def answer_any_host(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Stands before the middleware that refuses unknown hosts. The answer does not use the host."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            return answer(request) if request.path == PATH else await get_response(request)

    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            return answer(request) if request.path == PATH else get_response(request)

    return middleware


def answer(request: HttpRequest) -> HttpResponse:
    request.resolver_match = resolve(PATH)  # requests are counted by route
    return request.resolver_match.func(request)
