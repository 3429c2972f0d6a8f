"""Requests that do not come to their end: both servers close in time, however slowly they drip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from daphne.server import Server
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from uvicorn.config import Config
from uvicorn.server import ServerState

from hamletweb import bounded_daphne, bounded_uvicorn
from hamletweb.bounded_daphne import (
    HEAD_S,
    MOST_RECEIVING,
    SLOWEST_BYTES_PER_S,
    BoundedHTTPFactory,
)
from hamletweb.bounded_uvicorn import BoundedProtocol

HALF_HEAD = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\n"
HALF_BODY = HALF_HEAD + b"Content-Length: 1000\r\n\r\n{"
CHUNKED = HALF_HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD = b"POST /api/v1/bundles HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n"
FIRST = {"nothing": b"", "half a head": HALF_HEAD, "half a body": HALF_BODY, "chunks": CHUNKED}
DRIP = {"half a head": b"X-A: b\r\n", "half a body": b" ", "chunks": b"1\r\n \r\n"}


class Transport(StringTransport):
    """Remembers whether it was closed in any way."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True

    @property
    def is_closed(self) -> bool:
        return self.aborted or self.disconnecting


async def waiting_application(scope: dict, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


@pytest.fixture
def web() -> Callable[[Clock], Callable[[], tuple[Any, Transport]]]:
    """Connections to the web server, with a clock in the hand of the test."""

    def make(clock: Clock) -> Callable[[], tuple[Any, Transport]]:
        server = Server(waiting_application, endpoints=["tcp:0"])
        server.connections = {}
        factory = BoundedHTTPFactory(server)

        def connect() -> tuple[Any, Transport]:
            channel, transport = factory.buildProtocol(None), Transport()
            channel.callLater = clock.callLater
            channel.makeConnection(transport)
            return channel, transport

        return connect

    return make


@pytest.mark.parametrize("name", FIRST)
def test_web_server_gives_up_what_never_ends(web, settings, name):
    settings.PREDICT_BODY_SECONDS = 30.0
    clock = Clock()
    channel, transport = web(clock)()
    if FIRST[name]:
        channel.dataReceived(FIRST[name])
    for _ in range(7):
        clock.advance(5)
        if name in DRIP and not transport.is_closed:
            channel.dataReceived(DRIP[name])
    assert transport.is_closed
    body = name in ("half a body", "chunks")
    assert transport.value().startswith(b"HTTP/1.1 408 ") == body
    assert (b"not there after 30 s. Send it faster" in transport.value()) == body


def test_request_that_is_there_is_answered_however_long_that_takes(web):
    async def work() -> None:
        clock = Clock()
        channel, transport = web(clock)()
        channel.dataReceived(WHOLE)
        await asyncio.sleep(0)
        clock.advance(10 * HEAD_S)
        assert not transport.is_closed
        assert channel.factory.receiving == {}

    asyncio.run(work())


def test_next_head_on_a_kept_connection_is_bounded_too(web):
    async def work() -> None:
        clock = Clock()
        channel, transport = web(clock)()
        channel.dataReceived(WHOLE)
        await asyncio.sleep(0)
        request = channel.requests[0]
        request.handle_reply({"type": "http.response.start", "status": 200, "headers": []})
        request.handle_reply({"type": "http.response.body", "body": b""})
        channel.dataReceived(HALF_HEAD)
        for _ in range(5):
            clock.advance(HEAD_S / 4)
            channel.dataReceived(b"X-A: b\r\n")
        assert transport.is_closed

    asyncio.run(work())


def test_file_may_take_long_but_not_for_ever(web, settings):
    settings.PREDICT_BODY_SECONDS = 10.0
    clock = Clock()
    channel, transport = web(clock)()
    channel.dataReceived(UPLOAD)
    for _ in range(30):
        channel.dataReceived(bytes(2 * SLOWEST_BYTES_PER_S))
        clock.advance(1)
    assert not transport.is_closed
    for _ in range(20):
        channel.dataReceived(b"x")
        clock.advance(1)
    assert transport.value().startswith(b"HTTP/1.1 408 ")


def test_of_too_many_half_requests_the_oldest_go(web):
    connect = web(Clock())
    transports = []
    for _ in range(MOST_RECEIVING):
        channel, transport = connect()
        channel.dataReceived(HALF_BODY)
        transports.append((channel, transport))
    connect()
    channel, oldest = transports[0]
    assert oldest.aborted
    assert not any(transport.aborted for _, transport in transports[1:])
    channel.connectionLost(None)
    assert len(channel.factory.receiving) == MOST_RECEIVING


class Loop:
    """The event loop's clock, in the hand of the test."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.create_task = asyncio.get_running_loop().create_task

    def call_later(self, delay: float, work: Callable[..., None], *arguments: Any) -> Any:
        return self.clock.callLater(delay, work, *arguments)


class Connection(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.sent = b""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_protocol(self) -> Any:
        return self.protocol

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort

    def write(self, data: bytes) -> None:
        self.sent += data


@pytest.fixture
def serving(monkeypatch) -> Callable[[Any], Callable[[], tuple[Any, Connection]]]:
    monkeypatch.setattr(bounded_uvicorn, "waited_for", {})

    def make(loop: Loop) -> Callable[[], tuple[Any, Connection]]:
        config = Config(waiting_application, log_config=None)
        config.load()
        state = ServerState()

        def connect() -> tuple[Any, Connection]:
            protocol, transport = BoundedProtocol(config, state, {}, loop), Connection()
            transport.protocol = protocol
            protocol.connection_made(transport)
            return protocol, transport

        return connect

    return make


@pytest.mark.parametrize("name", ["nothing", "half a head"])
def test_serving_server_gives_up_a_head_that_never_ends(serving, name):
    async def work() -> None:
        loop = Loop()
        protocol, transport = serving(loop)()
        if FIRST[name]:
            protocol.data_received(FIRST[name])
        for _ in range(4):
            loop.clock.advance(bounded_uvicorn.HEAD_S / 4)
            if name in DRIP:
                protocol.data_received(DRIP[name])
        assert transport.closed
        assert bounded_uvicorn.waited_for == {}

    asyncio.run(work())


def test_serving_server_waits_for_no_head_while_it_works(serving):
    async def work() -> None:
        loop = Loop()
        protocol, transport = serving(loop)()
        protocol.data_received(HALF_BODY)
        await asyncio.sleep(0)
        protocol.data_received(b" ")
        loop.clock.advance(10 * bounded_uvicorn.HEAD_S)
        assert not transport.closed

    asyncio.run(work())


def test_serving_server_bounds_the_next_head_too(serving):
    async def work() -> None:
        loop = Loop()
        protocol, transport = serving(loop)()
        protocol.data_received(WHOLE)
        protocol.cycle.response_complete = True  # as the answer leaves it
        protocol.data_received(HALF_HEAD)
        loop.clock.advance(bounded_uvicorn.HEAD_S)
        assert transport.closed

    asyncio.run(work())


def test_serving_server_closes_the_oldest_of_too_many(serving):
    async def work() -> None:
        connect = serving(Loop())
        found = [connect() for _ in range(bounded_uvicorn.MOST_WAITED_FOR + 1)]
        assert [transport.closed for _, transport in found].count(True) == 1
        assert found[0][1].closed

    asyncio.run(work())


def test_both_commands_put_our_own_protocols_in(monkeypatch):
    started = []
    monkeypatch.setattr(bounded_uvicorn.uvicorn, "main", lambda: started.append("uvicorn"))
    monkeypatch.setattr(
        bounded_daphne,
        "CommandLineInterface",
        SimpleNamespace(entrypoint=lambda: started.append("daphne")),
    )
    monkeypatch.setitem(bounded_uvicorn.uvicorn.config.HTTP_PROTOCOLS, "auto", "")
    monkeypatch.setattr(bounded_daphne.daphne.server, "HTTPFactory", None)
    bounded_uvicorn.main()
    bounded_daphne.main()
    assert started == ["uvicorn", "daphne"]
    assert Config(waiting_application).http == "auto"
    loaded = Config(waiting_application, log_config=None)
    loaded.load()
    assert loaded.http_protocol_class is BoundedProtocol
    assert bounded_daphne.daphne.server.HTTPFactory is BoundedHTTPFactory
