"""The access table against the sockets: who may connect, and from which page."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.test import Client

from hamletweb.socket_origin import is_welcome
from live.routing import websocket_urlpatterns
from registry.accounts.models import User
from tests.access import world
from tests.access.rows import PEOPLE
from tests.access.table import SOCKETS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
OWN_PAGE = b"http://localhost"


def socket_routes() -> set[str]:
    return {str(route.pattern) for route in websocket_urlpatterns}


def test_every_socket_has_a_row_and_every_row_a_socket():
    rows = {row.route for row in SOCKETS}
    assert socket_routes() == rows, f"mend tests/access/table.py: {socket_routes() ^ rows}"


def address(route: str, values: dict[str, Any]) -> str:
    """`ws/runs/<uuid:run_id>/` with the world's run."""
    parts = []
    for part in route.split("/"):
        name = part.rpartition(":")[2].rstrip(">") if part.startswith("<") else None
        parts.append(str(values[name]) if name else part)
    return "/" + "/".join(parts)


async def connects(path: str, cookie: str, origin: bytes) -> bool:
    from hamletweb.asgi import application

    headers = [(b"origin", origin), (b"host", b"localhost"), (b"cookie", cookie.encode())]
    communicator = WebsocketCommunicator(application, path, headers=headers)
    accepted, _ = await communicator.connect(timeout=10)
    await communicator.disconnect()
    return accepted


def cookie_of(user: User | None) -> str:
    if user is None:
        return ""
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


@pytest.mark.parametrize("row", SOCKETS, ids=lambda row: row.route)
def test_sockets_open_for_those_of_the_table_and_for_our_own_pages_alone(
    row, student, outsider, instructor, admin, roleless, classroom
):
    parameters = world.build(student, instructor, classroom)
    path = address(row.route, {**parameters, **row.using})
    everybody = (None, student, outsider, instructor, admin, roleless)
    users = dict(zip(PEOPLE, everybody, strict=True))
    wrong = []
    for person, user in users.items():
        cookie = cookie_of(user)
        if async_to_sync(connects)(path, cookie, OWN_PAGE) != row.accepts(person):
            wrong.append(f"{person}: the table says {row.accepts(person)}")
        if async_to_sync(connects)(path, cookie, b"https://elsewhere.example"):
            wrong.append(f"{person}: accepted from the page of another site")
        if async_to_sync(connects)(path, cookie, OWN_PAGE + b":9999"):
            wrong.append(f"{person}: accepted from another port of this host")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("origin", "host", "welcome"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://localhost", "localhost:443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://page.example", "localhost", True),
        ("https://one.class.example", "localhost", True),
        ("http://127.0.0.1:9999", "127.0.0.1:8000", False),
        ("http://localhost:8000", "127.0.0.1:8000", False),
        ("http://evil.example", "evil.example", False),
        ("http://page.example", "localhost", False),
        ("https://page.example:8443", "localhost", False),
        ("http://localhost:port", "localhost", False),
        ("file://localhost", "localhost", False),
        ("null", "localhost", False),
        ("", "localhost", False),
    ],
)
def test_page_is_ours_by_host_and_port_or_by_name_in_the_settings(
    settings, origin: str, host: str, welcome: bool
):
    settings.CSRF_TRUSTED_ORIGINS = ["https://page.example", "https://*.class.example"]
    assert is_welcome(origin, host) is welcome
