"""Clients that do not come to an end."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from tests.serving.asking import PREDICT
from tests.serving.processes import start_serving


@pytest.fixture
def impatient_server(transactional_db, redis_url, artifact_dir, tmp_path):
    process, url = start_serving(tmp_path / "log", {"HAMLET_PREDICT_BODY_SECONDS": "0.2"})
    yield url
    process.stop()


def test_body_that_does_not_come_is_given_up(impatient_server, student):
    _, secret = issue_token(student, "slow", [Scope.PREDICT])
    parts = urlsplit(impatient_server)
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {secret}\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as client:
        client.sendall(head.encode() + b'{"model": ')
        answer = b""
        while part := client.recv(65536):  # until the server closes
            answer += part
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Send it faster" in answer
