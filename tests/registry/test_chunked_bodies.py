"""Bodies that come in chunks, from clients that do not know the length when they begin."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

from django.conf import settings

from registry.accounts.models import Scope
from registry.accounts.services import issue_token


def post(server: str, secret: str, chunks: Iterator[bytes]) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/predict", body=chunks, headers=headers, encode_chunked=True)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_body_in_chunks_is_read_whole_and_bounded_alike(web_server, register, student):
    register()
    _, secret = issue_token(student, "streaming", [Scope.PREDICT])
    body = json.dumps({"model": "walker", "observation": [0.0] * 38}).encode()
    status, answer = post(web_server, secret, iter([body[:30], body[30:]]))
    assert status == 200, answer
    assert answer["version"] == "1.0.0"
    one_too_many = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 65536 + 1
    status, answer = post(web_server, secret, (b" " * 65536 for _ in range(one_too_many)))
    assert status == 413, answer
    assert answer["type"] == "urn:hamlet:problem:too-large"
