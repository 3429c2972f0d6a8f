"""What every reply tells the browser not to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

# Everything comes from our own files: no inline script or style, no other host, no plug-in.
# 'self' covers the sockets too (ws: and wss: of the same host count as the same origin).
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# For a page that runs a model in the browser: WebAssembly may be compiled, nothing else gives way.
WASM_POLICY = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@sync_and_async_middleware
def send_security_headers(
    get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """First of all middleware, so that files, redirects and errors carry them too."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            return add_headers(await get_response(request))

    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            return add_headers(get_response(request))

    return middleware


def add_headers(response: HttpResponse) -> HttpResponse:
    """A view that needs WebAssembly says so by `response.runs_wasm = True`."""
    if getattr(response, "runs_wasm", False):
        response.headers["Content-Security-Policy"] = WASM_POLICY
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
