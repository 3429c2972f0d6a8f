"""Pages of other origins may not open sockets: a browser would send our cookies along.

Browsers let every page open a socket anywhere; only the `Origin` header says whose page it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

Application = Callable[..., Awaitable[None]]
DEFAULT_PORTS = {"http": "80", "https": "443"}


def same_origin(application: Application) -> Application:
    """Wrap the ASGI application of the sockets: refuse the handshake of any other origin."""

    async def checked(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
        chosen = application if is_welcome(origin, host) else WebsocketDenier()
        await chosen(scope, receive, send)

    return checked


def is_welcome(origin: str, host: str) -> bool:
    """Whether a page of this origin may open a socket on this `Host`.

    The scheme is not compared with ours: behind a proxy that speaks https we see plain http.
    """
    try:
        page = urlsplit(origin)
        page.port  # noqa: B018 - raises ValueError if it is no port
    except ValueError:
        return False
    if page.scheme not in DEFAULT_PORTS or not page.hostname:
        return False
    return is_own(page, host) or is_trusted(page)


def is_own(page: SplitResult, host: str) -> bool:
    domain, port = split_domain_port(host)
    own = validate_host(domain, settings.ALLOWED_HOSTS)
    usual = DEFAULT_PORTS[page.scheme]
    page_domain, page_port = split_domain_port(page.netloc)
    return own and (page_domain, page_port or usual) == (domain, port or usual)


def is_trusted(page: SplitResult) -> bool:
    """Whether CSRF_TRUSTED_ORIGINS names the origin, as `https://a.b` or `https://*.b`."""
    for trusted in map(urlsplit, settings.CSRF_TRUSTED_ORIGINS):
        pattern = trusted.netloc.removeprefix("*")
        if page.scheme == trusted.scheme and is_same_domain(page.netloc, pattern):
            return True
    return False
