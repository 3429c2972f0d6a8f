"""One POST to one address that was checked: no redirect, no proxy, little time, little memory.

The connection is urllib3's, without its pool and its retries: it is opened to the address that
`addresses.resolve` judged, while certificate, SNI and Host stay those of the name.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from registry.webhooks import limits
from registry.webhooks.addresses import Address, Target, read_url, resolve
from registry.webhooks.errors import NotDeliveredError

AGENT = "HamletWeb-Webhook/1"


class Answer(NamedTuple):
    """What the far end said. `excerpt` is the beginning of its body as text."""

    status: int
    location: str
    excerpt: str


class Deadline:
    """The moment when all of it must be over."""

    def __init__(self, total_s: float) -> None:
        self._at = time.monotonic() + total_s

    @property
    def left_s(self) -> float:
        return max(self._at - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send one message and read the beginning of what comes back.

    Raises: AddressRefusedError before anything is sent to an address that is none to send to;
        NotDeliveredError if the network fails or the time is over.
    """
    deadline = Deadline(limits.TOTAL_S)
    target = read_url(url)
    addresses = resolve(target, deadline.left_s)
    connection = connect(target, addresses, deadline)
    try:
        with cut_at(connection.sock, deadline):
            answer = _exchange(connection, target, body, headers)
    except (HTTPError, OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(deadline, error) from None
    finally:
        connection.close()
    if deadline.passed:
        raise _failed(deadline, None)
    return answer


def connect(
    target: Target, addresses: list[Address], deadline: Deadline
) -> HTTPConnection | HTTPSConnection:
    """The first of the checked addresses that answers. Raises: NotDeliveredError."""
    problem: Exception | None = None
    for address in addresses:
        connection = _connection(target, address, min(limits.CONNECT_S, deadline.left_s))
        try:
            connection.connect()
            # Of each later wait; a little more than is left, so that it is the deadline that cuts.
            connection.timeout = deadline.left_s + 1
            return connection
        except (HTTPError, OSError) as error:
            connection.close()
            problem = error
        if deadline.passed:
            break
    raise _failed(deadline, problem)


def _connection(
    target: Target, address: Address, timeout_s: float
) -> HTTPConnection | HTTPSConnection:
    # An address in place of the name: nothing is looked up any more.
    if target.scheme == "http":
        return HTTPConnection(str(address), target.port, timeout=timeout_s)
    context = ssl.create_default_context()
    if settings.WEBHOOK_CA_FILE:
        context.load_verify_locations(settings.WEBHOOK_CA_FILE)
    return HTTPSConnection(
        str(address),
        target.port,
        timeout=timeout_s,
        ssl_context=context,
        server_hostname=target.host,
    )


def _exchange(
    connection: HTTPConnection, target: Target, body: bytes, headers: Mapping[str, str]
) -> Answer:
    sent = {"Host": target.authority, "User-Agent": AGENT, "Connection": "close", **headers}
    connection.request(
        "POST", target.path, body=body, headers=sent, preload_content=False, decode_content=False
    )
    response = connection.getresponse()
    content = response.read(limits.MOST_ANSWER_BYTES, decode_content=False)
    return Answer(response.status, response.headers.get("Location", ""), as_text(content))


@contextmanager
def cut_at(sock: socket.socket, deadline: Deadline) -> Iterator[None]:
    """End the connection when the time is over, though the far end sends a byte now and then."""
    # A second handle on the same connection: the first one belongs to the TLS that reads it.
    handle = socket.socket(fileno=os.dup(sock.fileno()))

    def cut() -> None:
        with contextlib.suppress(OSError):  # it is closed already
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline.left_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def as_text(content: bytes) -> str:
    """The beginning, in printable letters."""
    text = content[:2000].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:500].strip()


def _failed(deadline: Deadline, error: Exception | None) -> NotDeliveredError:
    if deadline.passed:
        return NotDeliveredError(f"it took longer than {limits.TOTAL_S:.0f} s and was given up")
    # urllib3 begins with the connection, which the webhook's own page need not repeat.
    text = as_text(str(error).rpartition("): ")[2].encode("utf-8", "replace"))
    return NotDeliveredError(text or f"what came back is no answer ({type(error).__name__})")
