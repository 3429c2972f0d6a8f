"""The server of predictions alone: uvicorn, which waits for no request for ever.

    python -m hamletweb.bounded_uvicorn hamletweb.asgi_serving:application --port 8100

It takes uvicorn's own arguments. Plain uvicorn leaves a connection open on which nothing comes, or
half the head of a request. How long a body may take is for the application to say.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 20.0
# A client that means well is among those whose head is not there yet for some milliseconds.
MOST_WAITED_FOR = 256

waited_for: dict[BoundedProtocol, asyncio.TimerHandle] = {}  # the oldest first


class BoundedProtocol(AutoHTTPProtocol):
    """A connection on which the head of a request must come in time."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:
            self._stop_waiting()  # a head is there, of a request or of a socket
        elif self not in waited_for and (before is None or before.response_complete):
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        if self.transport.is_closing():
            return
        waited_for[self] = self.loop.call_later(HEAD_S, self._give_up)
        if len(waited_for) > MOST_WAITED_FOR:
            oldest = next(iter(waited_for))
            oldest._stop_waiting()
            oldest.transport.abort()

    def _give_up(self) -> None:
        waited_for.pop(self, None)
        self.transport.abort()

    def _stop_waiting(self) -> None:
        timer = waited_for.pop(self, None)
        if timer is not None:
            timer.cancel()


def main() -> None:
    # uvicorn's command chooses its protocol from this table and offers no other way in.
    uvicorn.config.HTTP_PROTOCOLS["auto"] = "hamletweb.bounded_uvicorn:BoundedProtocol"
    uvicorn.main()


if __name__ == "__main__":
    main()
