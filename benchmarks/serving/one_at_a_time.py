"""Our serving process as it would be without micro-batching: one question, one run.

    uvicorn benchmarks.serving.one_at_a_time:application

Everything else is the same: a model fast enough for that answers on the event loop, a slower one
in a thread.
"""

from __future__ import annotations

from hamletweb.asgi_serving import application
from registry.serving import batching

# Fails where the name is another one some day, instead of measuring the same thing twice.
if not isinstance(batching.MOST_JOINED_ROWS, int):
    raise TypeError("registry.serving.batching.MOST_JOINED_ROWS is no number of rows any more")
batching.MOST_JOINED_ROWS = 1

__all__ = ["application"]
