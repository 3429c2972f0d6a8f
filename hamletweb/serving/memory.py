"""How much memory the requests at work may take together, as far as it can be told beforehand."""

from __future__ import annotations

from hamlet.request_memory import MOST_REQUEST_BYTES
from hamlet.signature import Signature
from registry.serving.counting import COUNTS
from registry.serving.errors import TooBusyError

# A number of a body is text, then Python's, then NumPy's, some of them at the same time.
BODY_FACTOR = 6


class Flight:
    """Bytes of the requests at work. Lives on one event loop."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def take(self, size: int, *, own: int = 0) -> None:
        """Args: own: bytes that the same request has taken before.

        Raises: TooBusyError. A request that is alone always fits: its own bounds hold.
        """
        others = COUNTS.bytes_in_flight - own
        if others > 0 and others + own + size > self.most_bytes:
            COUNTS.refused_memory += 1
            raise TooBusyError(
                "the requests at work take all the memory they may (HAMLET_PREDICT_BYTES). "
                "Try again in a second, or send fewer rows at once."
            )
        COUNTS.bytes_in_flight += size

    def give_back(self, size: int) -> None:
        COUNTS.bytes_in_flight -= size


def run_bytes(signature: Signature, rows: int) -> int:
    """What a run of so many rows takes at most; a signature's most_rows are as many as fit."""
    return rows * (MOST_REQUEST_BYTES // signature.most_rows)
