"""One request from its body to its reply, and its rows in the log: for views and for the front."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from registry.problems import handle
from registry.serving.bodies import BINARY_TYPE, JSON_TYPE, check_content_type, read_document
from registry.serving.callers import Caller
from registry.serving.log.writer import keep
from registry.serving.models import Prediction
from registry.serving.prediction import Call, predict_one
from registry.serving.protocol.answers import Reply
from registry.serving.protocol.steps import infer
from registry.serving.replies import encode
from registry.serving.runners import Runner
from registry.serving.voting import answer_together

PREDICT, ENSEMBLE, V2 = (api.value for api in Prediction.Api)
Steps = Callable[[Runner, Call, Any], Awaitable[dict[str, Any]]]


async def predict(runner: Runner, caller: Caller, request_id: str, body: bytes) -> Reply:
    """`POST /api/v1/predict`. Raises: whatever problems.handle knows."""
    call = Call(caller, request_id, PREDICT, time.perf_counter(), len(body))
    return await _json(predict_one, runner, call, body)


async def ensemble(runner: Runner, caller: Caller, request_id: str, body: bytes) -> Reply:
    """`POST /api/v1/predict/ensemble`. Raises: whatever problems.handle knows."""
    call = Call(caller, request_id, ENSEMBLE, time.perf_counter(), len(body))
    return await _json(answer_together, runner, call, body)


async def protocol_infer(
    runner: Runner,
    caller: Caller,
    request_id: str,
    body: bytes,
    *,
    model: str,
    asked: str | None,
    header_length: str,
) -> Reply:
    """`POST /v2/models/.../infer`. Raises: whatever problems.handle knows."""
    call = Call(caller, request_id, V2, time.perf_counter(), len(body))
    try:
        reply = await infer(runner, call, model, asked, body=body, header_length=header_length)
    except Exception as error:
        note_refusal(call, error)
        raise
    keep(call.noted, reply.status)
    return reply


def check_json_type(content_type: str) -> None:
    """Raises: UnsupportedMediaType."""
    check_content_type(content_type, (JSON_TYPE,))


def check_protocol_type(content_type: str) -> None:
    """Clients of the protocol send bytes, JSON, or no word of it. Raises: UnsupportedMediaType."""
    check_content_type(content_type, (JSON_TYPE, BINARY_TYPE), may_lack=True)


async def _json(steps: Steps, runner: Runner, call: Call, body: bytes) -> Reply:
    data = await runner.compute(call.size, lambda: read_document(body))
    call.parse_s = time.perf_counter() - call.began
    try:
        answer = await steps(runner, call, data)
    except Exception as error:
        note_refusal(call, error)
        raise
    keep(call.noted, 200)
    return Reply(await runner.compute(call.size, lambda: encode(answer)))


def note_refusal(call: Call, error: Exception) -> None:
    """The log says of a refused question why; one that found no version has no row."""
    if call.noted:
        response = handle(error, {})
        status = 500 if response is None else response.status_code
        keep(call.noted, status, str(error))
