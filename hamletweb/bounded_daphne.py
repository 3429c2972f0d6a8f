"""The web server: daphne, which keeps no body that is longer than any route takes.

    python -m hamletweb.bounded_daphne -b 127.0.0.1 -p 8000 hamletweb.asgi:application

It takes daphne's own arguments. Plain daphne writes a whole body to memory or a temporary file
before it asks the application, however long it is; `bound_bodies` then refuses it too late.

`--http-timeout` of daphne counts from the moment when the body has arrived whole until the
application has handed over the last byte of its answer. It bounds neither an upload nor the
transfer of a download, which daphne buffers for a slow client; only an application that hangs.
"""

from __future__ import annotations

from typing import Any

import daphne.server
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest

# A client that is told too early loses the answer: its system throws away what it has received
# once it sends to a closed connection. So a little more is read and thrown away.
MOST_DISCARDED_BYTES = 16 * 1024 * 1024


class BoundedRequest(WebRequest):
    """Keeps one byte more than the bound, so that the application sees that it was passed."""

    def gotLength(self, length: int | None) -> None:
        from hamletweb.bounds.lengths import most_bytes

        limit = most_bytes(self._path_asked())
        self._room = limit + 1
        self._discarded = 0
        self._cut = False
        super().gotLength(None if length is None else min(length, self._room))
        if length is not None and length > limit + MOST_DISCARDED_BYTES:
            self._cut_off()

    def handleContentChunk(self, data: bytes) -> None:
        kept = data[: self._room]
        if kept:
            super().handleContentChunk(kept)
        self._room -= len(kept)
        self._discarded += len(data) - len(kept)
        if self._discarded > MOST_DISCARDED_BYTES:
            self._cut_off()

    def _cut_off(self) -> None:
        """Answer and close, without waiting for the end of the body."""
        if self._cut:
            return
        self._cut = True
        from hamletweb.bounds.answers import header_pairs
        from hamletweb.bounds.bodies import too_long

        response = too_long(self._path_asked())
        head = [b"HTTP/1.1 413 Content Too Large"]
        head += [name + b": " + value for name, value in header_pairs(response)]
        self.channel.transport.write(b"\r\n".join([*head, b"", response.content]))
        self.channel.loseConnection()

    def _path_asked(self) -> str:
        return self.channel._path.decode("latin-1").partition("?")[0]


class BoundedHTTPFactory(HTTPFactory):
    def buildProtocol(self, address: Any) -> Any:
        protocol = super().buildProtocol(address)
        protocol.requestFactory = BoundedRequest
        return protocol


def main() -> None:
    # daphne's server makes its factory by this name and offers no other way in.
    daphne.server.HTTPFactory = BoundedHTTPFactory
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
