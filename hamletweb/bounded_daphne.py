"""The web server: daphne, which keeps no body that is longer than any route takes.

    python -m hamletweb.bounded_daphne -b 127.0.0.1 -p 8000 hamletweb.asgi:application

It takes daphne's own arguments. Plain daphne writes a whole body to memory or a temporary file
before it asks the application, however long it is; `bound_bodies` then refuses it too late.

A request must come: its head within HEAD_S, its body within HAMLET_PREDICT_BODY_SECONDS. A file may
take longer as long as it does not come slower than SLOWEST_BYTES_PER_S. Of the connections whose
request is not there yet, the oldest are closed where they become too many.

`--http-timeout` of daphne counts from the moment when the body has arrived whole until the
application has handed over the last byte of its answer. It bounds neither an upload nor the
transfer of a download, which daphne buffers for a slow client; only an application that hangs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import daphne.server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.web import http
from twisted.web.http import HTTPChannel

if TYPE_CHECKING:
    from django.http import HttpResponse

# A client that is told too early loses the answer: its system throws away what it has received
# once it sends to a closed connection. So a little more is read and thrown away.
MOST_DISCARDED_BYTES = 16 * 1024 * 1024
HEAD_S = 20.0
SLOWEST_BYTES_PER_S = 16 * 1024
# What came of a body lies in memory or a file until it is whole. A client that means well is among
# these for some milliseconds.
MOST_RECEIVING = 256


class BoundedRequest(WebRequest):
    """Keeps one byte more than the bound, so that the application sees that it was passed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # Or Twisted reads forms, files included, into memory before the application has them, and
        # refuses a broken one without a word.
        super().__init__(*arguments, parsePOSTFormSubmission=False, **named)

    def gotLength(self, length: int | None) -> None:
        from hamletweb.bounds.lengths import most_bytes

        limit = most_bytes(self._path_asked())
        self.received = 0
        self._room = limit + 1
        self._discarded = 0
        self._cut = False
        super().gotLength(None if length is None else min(length, self._room))
        if length is not None and length > limit + MOST_DISCARDED_BYTES:
            self._cut_off()

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        kept = data[: self._room]
        if kept:
            super().handleContentChunk(kept)
        self._room -= len(kept)
        self._discarded += len(data) - len(kept)
        if self._discarded > MOST_DISCARDED_BYTES:
            self._cut_off()

    def _cut_off(self) -> None:
        from hamletweb.bounds.bodies import too_long

        self.refuse(b"413 Content Too Large", too_long(self._path_asked()))

    def give_up(self, after_s: float) -> None:
        """The rest of the body does not come."""
        from hamletweb.bounds.answers import refusal

        detail = f"The body was not there after {after_s:g} s. Send it faster, or less."
        self.refuse(b"408 Request Timeout", refusal(self._path_asked(), 408, detail))

    def refuse(self, status: bytes, response: HttpResponse) -> None:
        """Answer and close, without waiting for the end of the body."""
        if self._cut:
            return
        self._cut = True
        from hamletweb.bounds.answers import header_pairs

        head = [b"HTTP/1.1 " + status]
        head += [name + b": " + value for name, value in header_pairs(response)]
        self.channel.transport.write(b"\r\n".join([*head, b"", response.content]))
        self.channel.loseConnection()

    def _path_asked(self) -> str:
        return self.channel._path.decode("latin-1").partition("?")[0]

    def takes_file(self) -> bool:
        from hamletweb.bounds.lengths import TAKES_FILES

        return TAKES_FILES.fullmatch(self._path_asked()) is not None


class BoundedChannel(HTTPChannel):
    """A connection over HTTP/1.1 whose requests must come in time."""

    requestFactory = BoundedRequest
    factory: BoundedHTTPFactory
    _late: IDelayedCall | None = None
    _answering = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self._expect(HEAD_S, self.timeoutConnection)

    def dataReceived(self, data: bytes) -> None:
        if self._late is None and not self._answering:
            self._expect(HEAD_S, self.timeoutConnection)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        from django.conf import settings

        super().allHeadersReceived()
        self._expect(settings.PREDICT_BODY_SECONDS, self._look_at_body, self.requests[-1], 0)

    def allContentReceived(self) -> None:
        self._expect_nothing()
        self._answering = True
        super().allContentReceived()

    def requestDone(self, request: BoundedRequest) -> None:
        self._answering = False
        super().requestDone(request)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self._expect_nothing()
        super().connectionLost(reason)

    def _look_at_body(self, request: BoundedRequest, received_before: int) -> None:
        """Called once in the time that a body may take."""
        from django.conf import settings

        after_s = settings.PREDICT_BODY_SECONDS
        came = request.received - received_before
        if request.takes_file() and came >= after_s * SLOWEST_BYTES_PER_S:
            self._expect(after_s, self._look_at_body, request, request.received)
            return
        request.give_up(after_s)

    def _expect(self, within_s: float, otherwise: Callable[..., None], *arguments: Any) -> None:
        if self._late is not None:
            self._expect_nothing()
        self._late = self.callLater(within_s, self._call, otherwise, *arguments)
        self.factory.note_receiving(self)

    def _call(self, otherwise: Callable[..., None], *arguments: Any) -> None:
        self._late = None
        self.factory.receiving.pop(self, None)
        otherwise(*arguments)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self.factory.receiving.pop(self, None)


class BoundedHTTPFactory(HTTPFactory):
    """Attributes: receiving: connections whose request is not there yet, the oldest first."""

    protocol = BoundedChannel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.receiving: dict[BoundedChannel, None] = {}

    def buildProtocol(self, address: Any) -> Any:
        # daphne's would put its own request in the place of ours.
        return http.HTTPFactory.buildProtocol(self, address)

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]

    def note_receiving(self, channel: BoundedChannel) -> None:
        self.receiving[channel] = None
        if len(self.receiving) > MOST_RECEIVING:
            next(iter(self.receiving)).transport.abortConnection()


def main() -> None:
    # daphne's server makes its factory by this name and offers no other way in.
    daphne.server.HTTPFactory = BoundedHTTPFactory
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
