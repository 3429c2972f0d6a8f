"""One question to one version: read the body, run the model, say who answered and how long it took.

A recurrent model's state comes back among the outputs, to be sent along with the next request, or
is kept under a session key. Exploration is for training: there is no epsilon here, so the same
request gets the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.schema import Section, Text, describe, validate
from registry.artifacts.errors import ArtifactDamagedError
from registry.models import ModelVersion
from registry.names import LATEST
from registry.queries import NUMBER
from registry.serving import own_forms, sessions
from registry.serving.batching import Ran
from registry.serving.callers import Caller
from registry.serving.engines import LoadedModel
from registry.serving.inputs import INPUTS, Arrays, Question, read_question
from registry.serving.log.notes import Noted
from registry.serving.pool import ModelPool
from registry.serving.replies import action_names, exact, ms, plain
from registry.serving.runners import DirectRunner, Runner, finish_now
from registry.serving.sessions import Session, Wish
from registry.serving.targets import Target, describe_target, target_of

SESSION, SESSION_RESET = "session", "session_reset"
ROUTING = Section(
    {
        "model": Text(longest=100),
        "version": Text(None, longest=50, optional=True),
        "alias": Text(None, longest=50, optional=True),
    }
)


@dataclass
class Call:
    """One request, as far as it is known before its body.

    Attributes:
        began: when its body was there, by time.perf_counter. size: bytes of the body.
        parse_s: seconds that reading took. route_s: that finding the version took.
        api: predict, ensemble or v2. noted: what the log will say of it.
    """

    caller: Caller
    request_id: str
    api: str
    began: float
    size: int = 0
    parse_s: float = 0.0
    route_s: float = 0.0
    noted: list[Noted] = field(default_factory=list)


@dataclass
class Answer:
    """What a version said to one question.

    Attributes:
        outputs: without the state, where a session keeps that. session: what the reply says of
            it. timing_ms: where the time went.
    """

    outputs: Arrays
    ran: Ran
    timing_ms: dict[str, float]
    session: dict[str, Any] | None = None


async def predict_one(runner: Runner, call: Call, data: Any) -> dict[str, Any]:
    """Answer `POST /api/v1/predict`.

    Returns: plain data but for arrays; `encode` and `plain` know them.
    Raises: SpecError, VersionNotFoundError, ConflictError, OverloadedError, ArtifactDamagedError.
    """
    model, asked, body = split_request(data)
    wish = sessions.read_wish(body.pop(SESSION, None), body.pop(SESSION_RESET, None))
    target = await find(runner, call, model, asked)
    return {**await answer_with(runner, call, target, body, wish), "alias": alias_in(asked)}


async def find(runner: Runner, call: Call, model: str, asked: str) -> Target:
    """The version that is asked, from now on noted for the log. Raises: as `find_target`."""
    began = time.perf_counter()
    target = await runner.target(call.caller, model, asked)
    call.route_s += time.perf_counter() - began
    call.noted.append(Noted.begin(call.api, call.caller, call.request_id, target))
    return target


async def answer_with(
    runner: Runner, call: Call, target: Target, body: Mapping[str, Any], wish: Wish | None = None
) -> dict[str, Any]:
    """The reply of a version that is known. Raises: as `predict_one`."""
    inputs = body.get(INPUTS)
    named = [*body, *(inputs if type(inputs) is dict else ())]
    if (think := own_forms.deliberation(target.signature, body)) is not None:
        return {"request_id": call.request_id, **await deliberate(runner, call, target, think)}
    answer = await ask(
        runner, call, target, lambda: read_question(target.signature, body), wish=wish, named=named
    )
    data = {"request_id": call.request_id, **describe_target(target)}
    if shaped := own_forms.shape_reply(target.signature, body, answer.outputs):
        data |= own_forms.named(target, shaped, answer.timing_ms["run"])
    data["outputs"] = exact(answer.outputs)
    if names := action_names(target, answer.outputs):
        data["action_names"] = names
    if answer.session is not None:
        data["session"] = answer.session
    data["batch_rows"] = answer.ran.batch_rows
    data["timing_ms"] = answer.timing_ms
    return data


async def deliberate(
    runner: Runner, call: Call, target: Target, think: own_forms.Think
) -> dict[str, Any]:
    """The answer of a version that is asked many times before it answers.

    Raises: as `predict_one`.
    """
    began = time.perf_counter()
    model = await load(runner, target)
    load_s = time.perf_counter() - began
    began = time.perf_counter()
    shaped = await runner.deliberate(lambda: think(model.run))
    run_s = time.perf_counter() - began
    timing = {
        "parse": ms(call.parse_s),
        "route": ms(call.route_s),
        "load": ms(load_s),
        "run": ms(run_s),
        "total": ms(time.perf_counter() - call.began),
    }
    for noted in call.noted:
        noted.rows = 1
        noted.answered(timing, 1)
    named = own_forms.named(target, shaped, ms(run_s))
    return {**describe_target(target), **named, "timing_ms": timing}


async def ask(
    runner: Runner,
    call: Call,
    target: Target,
    read: Callable[[], Question],
    *,
    wish: Wish | None = None,
    named: Sequence[Any] = (),
) -> Answer:
    """Put a question to a version, with the state of its session if there is one.

    Args: read: the question, from the request. named: the inputs that the request brings.
    Raises: as `predict_one`.
    """
    began = time.perf_counter()
    model = await load(runner, target)
    load_s = time.perf_counter() - began
    before = await _read_session(runner, call.caller, target, wish, named) if wish else None
    began = time.perf_counter()
    question = await runner.compute(call.size, read)
    if before is not None:
        question = _with_state(question, before, target)
    read_s = time.perf_counter() - began
    for noted in call.noted:
        noted.asked(question)
    ran = await runner.run(target, model, question)
    answer = Answer(ran.outputs, ran, {})
    if wish is not None:
        await _keep_session(runner, call.caller.user.id, target, (wish, before), answer)
    answer.timing_ms = {
        "parse": ms(call.parse_s + read_s),
        "route": ms(call.route_s),
        "load": ms(load_s),
        "queue": ms(ran.queue_s),
        "run": ms(ran.run_s),
        "total": ms(time.perf_counter() - call.began),
    }
    for noted in call.noted:
        noted.gave(answer.outputs)
        noted.answered(answer.timing_ms, ran.batch_rows)
    return answer


def predict(
    version: ModelVersion,
    body: Mapping[str, Any],
    *,
    pool: ModelPool | None = None,
    request_id: str = "",
) -> dict[str, Any]:
    """Answer with a version, here and now, without a word in the log.

    Args: body: the request without the fields that chose the version.
    Returns: plain data, as `POST /api/v1/predict` does.
    Raises: as `predict_one`.
    """
    call = Call(Caller(None, None), request_id, "predict", time.perf_counter())
    steps = answer_with(DirectRunner(pool), call, target_of(version), body)
    return plain(finish_now(steps))


def split_request(data: Any) -> tuple[str, str, dict[str, Any]]:
    """Part what chooses the version from what the model is asked.

    Returns: (model, version or alias, the rest). Raises: SpecError.
    """
    if type(data) is not dict:
        message = f"found {describe(data)}; expected a mapping"
        raise SpecError([Problem("(document)", message)])
    rest = {key: value for key, value in data.items() if key not in ROUTING.fields}
    model, asked = read_route({key: data[key] for key in ROUTING.fields if key in data})
    return model, asked, rest


def read_route(given: Mapping[str, Any], path: str = "") -> tuple[str, str]:
    """Returns: (model, version or alias). Raises: SpecError."""
    model, version, alias = given.get("model"), given.get("version"), given.get("alias")
    plain_model = type(model) is str and 0 < len(model) <= 100
    plain_alias = alias is None or (type(alias) is str and 0 < len(alias) <= 50)
    if plain_model and plain_alias and version is None:
        return model, alias or LATEST  # nothing to say of it
    route = validate(ROUTING, given, path)
    prefix = f"{path}." if path else ""
    version, alias = route["version"], route["alias"]
    if version and alias:
        raise SpecError([Problem(f"{prefix}alias", "stands beside version; send one of them")])
    if version and not NUMBER.fullmatch(version):
        message = f"found {describe(version)}; expected a number such as 1.0.0"
        raise SpecError([Problem(f"{prefix}version", message)])
    return route["model"], version or alias or LATEST


async def load(runner: Runner, target: Target) -> LoadedModel:
    """Raises: ArtifactDamagedError if the version's file cannot be used; OverloadedError."""
    try:
        return await runner.load(target)
    except CheckpointError as error:
        # It was whole when it was registered, so this is no fault of the request.
        raise ArtifactDamagedError(f"{target} cannot be loaded: {error}") from error


def alias_in(asked: str) -> str | None:
    """The alias that was asked for; None for a number."""
    return None if NUMBER.fullmatch(asked) else asked


async def _read_session(
    runner: Runner, caller: Caller, target: Target, wish: Wish, named: Sequence[Any]
) -> Session | None:
    """Raises: SpecError where a session makes no sense; SessionConflictError."""
    if not target.state_names:
        message = f"{target} keeps no state between questions; leave the session out"
        raise SpecError([Problem(SESSION, message)])
    if beside := [name for name in named if name in target.state_names]:
        message = f"stands beside {SESSION}, which keeps it; send one of them"
        raise SpecError([Problem(name, message) for name in beside])
    if wish.reset:
        return None
    found = await runner.aside(sessions.read, caller.user.id, wish.key)
    if found is not None:
        sessions.check_fits(found, wish.key, target.version_id, target.number)
    return found


async def _keep_session(
    runner: Runner,
    user_id: int,
    target: Target,
    kept: tuple[Wish, Session | None],
    answer: Answer,
) -> None:
    """Move the state from the answer into the session that was wished for and found before.

    Raises: as `sessions.write`.
    """
    state = {name: answer.outputs[name] for name in target.state_names}
    version = (target.version_id, target.number)
    now = await runner.aside(sessions.write, user_id, *kept, version, state)
    answer.session = sessions.describe_session(kept[0].key, now)
    answer.outputs = {name: array for name, array in answer.outputs.items() if name not in state}


def _with_state(question: Question, session: Session, target: Target) -> Question:
    """Raises: SpecError if the state has another number of rows."""
    for spec in target.signature.inputs:
        if spec.name in session.state:
            kept = session.state[spec.name].shape[spec.batch_axis]
            if kept != question.rows:
                message = (
                    f"keeps the state of {kept} rows; found {question.rows}. Send as many, or "
                    "session_reset: true to begin anew"
                )
                raise SpecError([Problem(SESSION, message)])
    return Question({**question.arrays, **session.state}, question.rows)
