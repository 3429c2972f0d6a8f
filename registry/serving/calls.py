"""The number of a request, by which its answer, its log row and its asker know each other."""

from __future__ import annotations

import itertools
import os
import re

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
REQUEST_ID_HEADER = "X-Request-Id"

# Of this process, then of this request. Unique, not secret: who may read the log is decided there.
_process = ""
_requests = itertools.count()


def request_id_of(given: str) -> str:
    """The caller's own, if it is one that can stand in a header and a log; a new one otherwise."""
    if given and REQUEST_ID.fullmatch(given):
        return given
    return f"{_process}{next(_requests):012x}"


def _begin_process() -> None:
    global _process
    _process = os.urandom(10).hex()


_begin_process()
os.register_at_fork(after_in_child=_begin_process)
