"""The floor: an ASGI application that reads JSON, runs ONNX Runtime and writes JSON.

No route, no token, no check of shapes, no log: nothing that serves a model over HTTP in Python can
do much less. `uvicorn benchmarks.peers.bare_asgi:application`
"""

from __future__ import annotations

from typing import Any

import orjson

from benchmarks.peers.onnx_session import OnnxSession

session = OnnxSession()
HEADERS = [(b"content-type", b"application/json")]


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise ValueError(f"{scope['type']} is not served here")
    body, more = b"", scope["method"] == "POST"
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = b'"ready"'
    if body:
        outputs = session.run(orjson.loads(body)["inputs"])
        answer = orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})
