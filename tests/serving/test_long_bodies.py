"""Long bodies hold nobody up: read beside the event loop, refused by their number of parts."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from hamlet.errors import InputError, SpecError
from hamletweb.serving.front import ServingFront
from hamletweb.serving.runner import Serving
from hamletweb.serving.steps import RequestRunner
from registry.bodies import PIECE_BYTES, MalformedBodyError, read_json
from registry.serving import plain_inputs
from registry.serving.bodies import LONG_BYTES, MOST_PARTS, read_document
from registry.serving.callers import Caller
from registry.serving.edge import ensemble, predict, protocol_infer
from registry.serving.inputs import read_question
from tests.registry.checkpoints import make_model

FILLING = "f" * LONG_BYTES


def filled(text: str) -> bytes:
    """A mapping with this in it, too long for the event loop."""
    return f'{{"filling": "{FILLING}", {text}}}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        '"a": {"b": [1, {"c": 2}]}',
        '"a": "12:30:00", "b": ["x:y", {"c": ":"}]',
        '"a": "\\u0041", "b": "\\ud83d\\ude00"',
        '"a": "\\\\u0000 is no NUL", "b\\\\": ": \\"quoted\\": ["',
        '"a": [[], {}, ""], "b": {}',
    ],
)
def test_long_document_is_read_as_a_short_one(text):
    assert read_document(filled(text)) == json.loads(filled(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"a": 1, "a": 2', "twice"),
        ('"a": 1, "\\u0061": 2', "twice"),
        ('"a": ["x:y", {"b": 1, "b": 2}]', "twice"),
        ('"a": "\\u0000"', "NUL"),
        ('"a\\\\\\u0000": 1', "NUL"),
        ('"a": "\\ud800"', "surrogate"),
        ('"a": NaN', "finite"),
        ('"a": 1e999', "finite"),
        ('"a": 1', None),
    ],
)
def test_long_document_is_refused_as_strictly(text, words):
    body = filled(text)
    if words is None:
        body += b"}"
    with pytest.raises(MalformedBodyError, match=words):
        read_document(body)


@pytest.mark.parametrize("part", ["[]", "{}", '{"a":1}'])
def test_more_parts_than_any_question_has_are_refused_unread(part):
    body = f'{{"inputs": {{"observation": [{",".join([part] * MOST_PARTS)}]}}}}'.encode()
    with pytest.raises(MalformedBodyError, match="lists, objects and keys"):
        read_document(body)


def test_brackets_in_texts_count_for_nothing():
    body = json.dumps({"text": "[{" * MOST_PARTS + '\\"["'}).encode()
    assert read_document(body) == json.loads(body)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("before", ["", '"[[["', '"' + "[" * 2 * PIECE_BYTES + '\\"["'])
def test_depth_is_counted_outside_of_texts(opening, before):
    closing = "]" if opening == "[" else "}"

    def body(depth: int) -> bytes:
        inner = opening * (depth - 1) + "1" + closing * (depth - 1)
        return f"[{f'{before}, ' if before else ''}{inner}]".encode()

    assert read_json(body(64)) == json.loads(body(64))
    with pytest.raises(MalformedBodyError, match="deeper than 64"):
        read_json(body(65))


def test_too_many_rows_are_refused_by_their_number(monkeypatch):
    looked_at = []

    class Watched(frozenset):
        def issuperset(self, types):
            looked_at.append(types)
            return super().issuperset(types)

    monkeypatch.setitem(plain_inputs.LEAVES, "float32", Watched({float, int}))
    signature = make_model().signature()
    rows = [[0.0] * signature.inputs[0].shape[1]] * (signature.most_rows + 1)
    with pytest.raises(InputError, match="4097"):
        read_question(signature, {"inputs": {"observation": rows}})
    assert looked_at == []


class Turns:
    """Counts the turns of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)

    def stop(self) -> int:
        self._task.cancel()
        return self.count


ROW = "[" + ",".join(["0.5"] * 38) + "]"
HOSTILE = {
    "lists": "[" + ",".join(["[]"] * 1_000_000) + "]",
    "numbers": "[" + ",".join(["1"] * 1_000_000) + "]",
    "rows, escaped": f'{{"\\u0061": [{",".join([ROW] * 5000)}]}}',
}
ASKING = {
    "predict": predict,
    "ensemble": ensemble,
    "v2": lambda *asked: protocol_infer(*asked, model="walker", asked=None, header_length=""),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("api", ASKING)
@pytest.mark.usefixtures("transactional_db", "redis_url")
def test_others_have_their_turn_while_a_long_body_is_read(student, name, api):
    body = HOSTILE[name].encode()

    async def work() -> None:
        serving = Serving()
        runner = RequestRunner(serving, None)
        turns = Turns()
        try:
            with pytest.raises((MalformedBodyError, SpecError)):
                await ASKING[api](runner, Caller(student, None), "r-1", body)
            assert turns.stop() > 1
        finally:
            await serving.stop()

    asyncio.run(work())


@pytest.mark.usefixtures("transactional_db", "redis_url")
def test_long_work_is_done_beside_and_short_work_at_once():
    async def work() -> None:
        serving = Serving()
        runner = RequestRunner(serving, None)
        try:
            assert await runner.compute(LONG_BYTES, threading.get_ident) == threading.get_ident()
            go = threading.Event()
            waiting = asyncio.create_task(runner.compute(LONG_BYTES + 1, lambda: go.wait(30)))
            await asyncio.sleep(0)
            go.set()
            assert await waiting
        finally:
            await serving.stop()

    asyncio.run(work())


@pytest.mark.usefixtures("transactional_db", "redis_url")
def test_refusal_of_a_body_that_is_there_waits_for_nothing(settings, student):
    """The server may say with its last message that more came than it kept."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    from registry.accounts.models import Scope
    from registry.accounts.services import issue_token

    _, secret = issue_token(student, "program", [Scope.PREDICT])
    messages = [{"type": "http.request", "body": bytes(101), "more_body": False}]
    answers = []

    async def receive():
        return messages.pop(0)  # an error if it is asked for more

    async def send(message):
        answers.append(message)

    async def work() -> None:
        front = ServingFront()
        headers = [
            (b"authorization", f"Bearer {secret}".encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {"type": "http", "method": "POST", "path": "/api/v1/predict", "scheme": "http"}
        try:
            await front({**scope, "headers": headers}, receive, send)
        finally:
            await front.serving.stop()

    asyncio.run(work())
    assert answers[0]["status"] == 413
