"""Any ASGI application, with two more addresses that begin and end sampling (sampling.py).

The one to measure is named in the environment: BENCHMARK_APPLICATION=module:name.
`uvicorn benchmarks.serving.sampled:application`
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.serving.sampling import BEGIN, END, begin, end

module, _, name = os.environ["BENCHMARK_APPLICATION"].partition(":")
measured = getattr(importlib.import_module(module), name)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] in (BEGIN, END):
        answer = begin() if scope["path"] == BEGIN else end()
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        return
    await measured(scope, receive, send)
