"""One message on its way: to the checked address, in little time, with little memory."""

from __future__ import annotations

import gzip
import socket
import threading
import time

import pytest

from registry.webhooks import limits, sending
from registry.webhooks.addresses import read_url
from registry.webhooks.errors import NotDeliveredError
from tests.webhooks.receiver import NAME, answer, make_certificate

BODY = b'{"id":"1"}'


def post(url: str) -> sending.Answer:
    return sending.post(url, BODY, {"X-Hamlet-Event": "ping"})


def test_message_goes_to_the_checked_address_under_its_name(receiver, connections):
    found = post(receiver.url)
    assert found.status == 204
    (received,) = receiver.received
    assert received.path == "/hook?x=1"
    assert received.body == BODY
    assert received.headers["Host"] == f"{NAME}:{receiver.server_port}"
    assert connections == ["127.0.0.1"]


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.url).status == 204


def test_certificate_must_be_trusted_and_of_this_name(receiver, settings, names, tmp_path):
    names["other.example"] = [["127.0.0.1"]]
    with pytest.raises(NotDeliveredError, match="(?i)certificate|hostname"):
        post(receiver.url.replace(NAME, "other.example"))
    settings.WEBHOOK_CA_FILE = str(make_certificate(tmp_path / "another.pem"))
    with pytest.raises(NotDeliveredError, match="(?i)certificate"):
        post(receiver.url)
    assert receiver.received == []


@pytest.mark.parametrize(
    "location",
    ["https://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "/elsewhere", "gopher://x"],
)
def test_redirects_are_not_followed(receiver, connections, location):
    receiver.behaviours = [answer(302, Location=location)]
    found = post(receiver.url)
    assert (found.status, found.location) == (302, location)
    assert len(receiver.received) == 1
    assert connections == ["127.0.0.1"]


def test_of_a_long_answer_little_is_read(receiver):
    sent = []

    def pour(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(4096):
            sent.append(handler.wfile.write(b"x" * 65_536))

    receiver.behaviours = [pour]
    found = post(receiver.url)
    assert found.excerpt == "x" * 500
    receiver.stop()
    assert sum(sent) < 64 * 65_536, "it goes on sending into a closed connection"


def drip(handler) -> None:
    """A byte now and then: no single wait is long."""
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def slow_headers(handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(handler)


def slow_body(handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    drip(handler)


def silence(handler) -> None:
    handler.server.over.wait(20)


@pytest.mark.parametrize("behaviour", [slow_headers, slow_body, silence])
def test_slow_receivers_are_given_up_in_time(receiver, quick, behaviour):
    quick(0.6)
    receiver.behaviours = [behaviour]
    began = time.monotonic()
    with pytest.raises(NotDeliveredError, match="longer than"):
        post(receiver.url)
    assert time.monotonic() - began < 2


def test_receiver_that_never_speaks_tls_is_given_up_in_time(loopback, quick):
    quick(0.6)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(NotDeliveredError):
            post(f"https://{NAME}:{mute.getsockname()[1]}/")
        assert time.monotonic() - began < 2


def test_resolver_that_never_answers_is_given_up_in_time(monkeypatch, quick, connections):
    quick(0.3)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20))
    began = time.monotonic()
    with pytest.raises(NotDeliveredError, match="was not found within"):
        post(f"https://{NAME}/")
    assert time.monotonic() - began < 2
    over.set()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00\x01\x02\x03",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_nonsense_for_an_answer_is_a_failure_that_is_told(receiver, said):
    def speak(handler):
        handler.wfile.write(said)
        handler.wfile.flush()
        handler.close_connection = True

    receiver.behaviours = [speak]
    with pytest.raises(NotDeliveredError, match=r"\w"):
        post(receiver.url)


def test_compressed_answer_is_not_unpacked(receiver):
    bomb = gzip.compress(bytes(10_000_000))
    receiver.behaviours = [answer(200, bomb, **{"Content-Encoding": "gzip"})]
    assert "\x00" not in post(receiver.url).excerpt


def test_second_address_is_tried_where_the_first_is_silent(receiver, names):
    names[NAME] = [["127.0.0.9", "127.0.0.1"]]
    assert post(receiver.url).status == 204


def test_names_are_taken_apart_as_they_are_sent():
    target = read_url("https://Hooks.Example:8443/a/b?c=d")
    assert (target.host, target.port, target.path) == ("hooks.example", 8443, "/a/b?c=d")
    assert target.authority == "hooks.example:8443"
    assert read_url("https://[2606:2800:220:1::1]/").authority == "[2606:2800:220:1::1]"
    assert limits.TOTAL_S == 10
