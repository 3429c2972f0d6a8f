"""A body that is too long is refused by its announced length, before any of it is read."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from tests.openapi.sending import JSON, operations

ANNOUNCED = 100 * 1024**2
ANNOUNCED_FILE = 600 * 1024**2  # where a file is taken
TIMEOUT_S = 15


def ask(base_url: str, method: str, path: str, media_type: str, length: int, secret: str) -> str:
    """The status line that comes though nothing of the body was sent."""
    server = urlsplit(base_url)
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {server.netloc}",
        f"Authorization: Bearer {secret}",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
    ]
    with socket.create_connection((server.hostname, server.port), TIMEOUT_S) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(4096).split(b"\r\n")[0].decode()


def test_hundred_megabytes_are_refused_on_every_route(
    web_server, document, known_parameters, admin
):
    _, secret = issue_token(admin, "long bodies", Scope.values)
    calls = []
    for method, path, operation in operations(document):
        for media_type in operation.get("requestBody", {}).get("content", {}):
            length = ANNOUNCED if media_type == JSON else ANNOUNCED_FILE
            address = path.format(**known_parameters(path))
            calls.append((web_server, method, address, media_type, length, secret))
    assert len(calls) >= 15
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda call: ask(*call), calls))
    wrong = [
        f"{call[1]} {call[2]}: {answer}"
        for call, answer in zip(calls, answers, strict=True)
        if " 413 " not in answer
    ]
    assert not wrong, "\n".join(wrong)
