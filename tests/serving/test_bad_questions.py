"""Family 6 of bad input: each gets a 4xx that says why, from both servers, and no 500."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from urllib.parse import urlsplit

import pytest

from tests.serving.asking import PREDICT

ZEROS = [0.0] * 38
GOOD = json.dumps({"model": "walker", "observation": ZEROS}).encode()
MIB = 1024 * 1024


def nested(depth: int) -> bytes:
    return b'{"model": "walker", "observation": ' + b"[" * depth + b"]" * depth + b"}"


BAD_BODIES = {
    "nothing": (b"", 400, "JSON"),
    "no JSON": (b"observation=1", 400, "line 1"),
    "two documents": (GOOD + GOOD, 400, "JSON"),
    "depth 65": (nested(65), 422, "expected 38"),
    "depth 900": (nested(900), 422, "expected 38"),
    "depth 10,000": (nested(10_000), 400, "deeper"),
    "objects 900 deep": (b'{"a":' * 900 + b"1" + b"}" * 900, 422, "missing"),
    "NaN": (GOOD.replace(b"[0.0", b"[NaN"), 400, "NaN"),
    "Infinity": (GOOD.replace(b"[0.0", b"[-Infinity"), 400, "Infinity"),
    "a number past floats": (GOOD.replace(b"[0.0", b"[1e400"), 400, "too large"),
    "a number past float32": (GOOD.replace(b"[0.0", b"[1e39"), 422, "finite"),
    "a number just past float32": (GOOD.replace(b"[0.0", b"[3.40282356e38"), 422, "finite"),
    "a key twice": (b'{"model": "other", ' + GOOD[1:], 400, "twice"),
    "a key twice, escaped": (b'{"mode\\u006c": "other", ' + GOOD[1:], 400, "twice"),
    "an inner key twice": (
        b'{"model": "walker", "inputs": {"observation": [[]], "observation": [[]]}}',
        400,
        "twice",
    ),
    "NUL": (b'{"model": "walk\\u0000er", "observation": []}', 400, "NUL"),
    "half a surrogate": (b'{"model": "\\ud800", "observation": []}', 400, "surrogate"),
    "not UTF-8": (GOOD.replace(b"walker", b"w\xffker"), 400, "UTF-8"),
    "a list": (b"[1]", 422, "mapping"),
    "ragged": (b'{"model": "walker", "inputs": {"observation": [[0], [0, 1]]}}', 422, "38"),
    "strings": (GOOD.replace(b"[0.0", b'["0.0"'), 422, "number"),
    "mixed": (GOOD.replace(b"[0.0", b"[true"), 422, "number"),
    "a list in place of a number": (GOOD.replace(b"[0.0", b"[[0.0]"), 422, "found 0.0"),
    "batch of none": (b'{"model": "walker", "inputs": {"observation": []}}', 422, "batch of 0"),
    "a name of 4 KiB": (GOOD.replace(b"walker", b"w" * 4096), 422, "100"),
    "a path": (GOOD.replace(b"walker", b"../../etc/passwd"), 404, "no model"),
}


@pytest.fixture(autouse=True)
def version(register):
    return register()


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_body_is_refused_and_says_why(program, name):
    body, status, words = BAD_BODIES[name]
    told = program.ask(PREDICT, body)
    assert told.status == status, told.body
    assert told.headers["content-type"] == "application/problem+json"
    assert words in told.body.decode()
    assert program.ask(PREDICT, GOOD).status == 200, "and the next one is answered"


def test_more_rows_than_the_bound_are_refused(program, version):
    rows = [[0] * 38] * (version.signature["most_rows"] + 1)
    told = program.ask(PREDICT, {"model": "walker", "observation": rows})
    assert told.status == 422
    assert "4097" in told.faults["/observation"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", ""]
)
def test_wrong_content_type_is_refused(program, kind):
    told = program.ask(PREDICT, GOOD, {"Content-Type": kind})
    assert told.status == 415
    assert "application/json" in told.data["detail"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_packed_body_is_unpacked(program, pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"
    assert program.ask(PREDICT, pack(GOOD), {"Content-Encoding": encoding}).status == 200


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(bytes(64 * MIB)), "gzip", 413),
        (zlib.compress(bytes(64 * MIB)), "deflate", 413),
        (gzip.compress(GOOD)[:-9], "gzip", 400),
        (gzip.compress(GOOD) + b"more", "gzip", 400),
        (GOOD, "gzip", 400),
        (GOOD, "br", 415),
        (gzip.compress(gzip.compress(GOOD)), "gzip, gzip", 415),
    ],
    # A gzip file holds the time: as an id it would differ between the processes of pytest.
    ids=["gzip bomb", "deflate bomb", "cut off", "more behind", "plain", "unknown", "twice"],
)
def test_packed_body_that_is_a_bomb_or_damaged_is_refused(program, body, encoding, status):
    told = program.ask(PREDICT, body, {"Content-Encoding": encoding})
    assert told.status == status, told.body


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def head(program, length: str) -> bytes:
    lines = [
        f"POST {PREDICT} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Authorization: Bearer {program.secret}",
        length,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_hundred_megabytes_are_refused_before_they_are_read(program):
    with connect(program.url) as client:
        client.sendall(head(program, f"Content-Length: {100 * MIB}"))
        answer = b""
        while part := client.recv(65536):  # until the server closes
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"4194304" in answer


def test_body_without_end_is_refused_where_it_passes_the_bound(program):
    with connect(program.url) as client:
        client.sendall(head(program, "Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        for _ in range(80):
            client.sendall(chunk)
        client.sendall(b"0\r\n\r\n")
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_method_and_address_that_are_not_there_are_told(program):
    assert program.get(PREDICT).status == 405
    assert program.get("/api/v1/nothing").status == 404


@pytest.mark.parametrize(
    ("method", "end"), [("GET", ""), ("GET", "/ready"), ("POST", "/infer"), ("GET", "/nothing")]
)
def test_address_with_a_nul_is_refused(program, method, end):
    told = program.ask(f"/v2/models/walker/versions/%00{end}", None, method=method)
    assert told.status in (400, 404), told.body
    assert told.status == (404 if end == "/nothing" else 400)
    if told.status == 400:
        assert "NUL" in told.data["error"]
