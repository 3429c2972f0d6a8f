"""Bodies that no route takes are refused before they are kept."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from hamletweb.bounded_daphne import MOST_DISCARDED_BYTES
from hamletweb.bounds.bodies import bound_bodies

MIB = 1024 * 1024


async def reading_application(scope: dict, receive: Any, send: Any) -> None:
    """Reads the body to its end, as Django does, and says how long it was."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message["body"])
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def ask(path: str, chunks: Iterator[bytes], announced: int | None = None) -> tuple[int, bytes, int]:
    """Returns: (status, body of the answer, how many chunks were taken)."""
    taken, answers = 0, []

    async def receive() -> dict:
        nonlocal taken
        taken += 1
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: dict) -> None:
        answers.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(bound_bodies(reading_application)(scope, receive, send))
    return answers[0]["status"], b"".join(m.get("body", b"") for m in answers[1:]), taken


def endless() -> Iterator[bytes]:
    while True:
        yield bytes(65536)


def test_body_of_just_the_bound_passes(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 65536
    assert ask("/", iter([bytes(65536)]), 65536)[:2] == (200, b"65536")


@pytest.mark.parametrize("path", ["/api/v1/upload", "/api/v1/models/walker/versions"])
def test_what_takes_files_takes_more(settings, path):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.UPLOAD_MAX_BYTES = 65536, 3 * 65536
    assert ask(path, iter([bytes(65536)] * 3), 3 * 65536)[0] == 200
    assert ask(path, iter([bytes(65536)] * 4), 4 * 65536)[0] == 413


def test_announced_length_is_refused_before_anything_is_read():
    status, body, taken = ask("/api/v1/predict", endless(), 4 * MIB + 1)
    assert (status, taken) == (413, 0)
    assert json.loads(body)["type"] == "urn:hamlet:problem:too-large"


def test_endless_body_is_left_where_it_passes_the_bound():
    status, body, taken = ask("/accounts/login/", endless())
    assert (status, taken) == (413, 4 * MIB // 65536 + 1)
    assert b"more than 4194304 bytes" in body
    assert not body.startswith(b"{")


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api/v1/predict", b"application/problem+json"), ("/accounts/login/", b"text/plain")],
)
def test_server_answers_a_huge_announcement_at_once_and_closes(web_server, path, kind):
    with connect(web_server) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
        client.sendall(head.encode())
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert kind in answer


def test_server_cuts_off_who_does_not_end(web_server):
    """Nothing but the connection ends this body, and nothing of it is kept beyond the bound."""
    sent = 0
    with connect(web_server) as client:
        head = "POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        client.sendall(f"{head}\r\n".encode())
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        try:
            while sent < 8 * MOST_DISCARDED_BYTES:
                client.sendall(chunk)
                sent += 65536
        except OSError:
            pass
    assert 4 * MIB < sent < 4 * MOST_DISCARDED_BYTES


def test_server_lets_a_client_finish_that_sends_a_little_too_much(web_server):
    with connect(web_server) as client:
        length = 5 * MIB
        head = (
            f"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        )
        client.sendall(head.encode() + bytes(length))
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")
