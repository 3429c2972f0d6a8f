"""One question to several versions at once: what each says, what they say together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.ensemble import METHODS, MOST_MEMBERS, EnsembleAnswer, EnsembleModel
from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, ListOf, Section, Unread, describe, validate
from hamlet.signature import Signature
from registry.serving.batching import Ran
from registry.serving.inputs import Question, check_inputs, question_of, read_inputs
from registry.serving.prediction import Call, alias_in, find, load, read_route
from registry.serving.replies import action_names, exact, ms
from registry.serving.runners import Runner
from registry.serving.targets import Target, describe_target

SHAPE = Section(
    {
        "members": ListOf(Unread(dict, "a mapping"), shortest=1, longest=MOST_MEMBERS),
        "method": Choice(*METHODS, default="mean"),
    }
)
LARGEST_WEIGHT = 1e9  # as hamlet.ensemble has it
MEMBER_FIELDS = ("model", "version", "alias", "weight", "state")


class Answered:
    """A member of an ensemble whose answer is there already, if it is wanted."""

    metadata: dict[str, Any] = {}

    def __init__(self, signature: Signature, outputs: dict[str, Tensor] | None = None) -> None:
        self._signature, self._outputs = signature, outputs
        self.adapter = signature.adapter

    def signature(self) -> Signature:
        return self._signature

    @classmethod
    def with_outputs(cls, target: Target, ran: Ran) -> Answered:
        tensors = {name: torch.from_numpy(array) for name, array in ran.outputs.items()}
        return cls(target.signature, tensors)

    def run_checked(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return self._outputs


@dataclass(frozen=True)
class Asked:
    """A question to several. `body` is what all of them are asked."""

    members: Sequence[dict[str, Any]]
    method: str
    weights: list[float] | None
    body: dict[str, Any]

    def combine(self, answered: Sequence[Answered]) -> EnsembleModel:
        """Raises: SpecError naming what does not fit together."""
        return EnsembleModel(answered, method=self.method, weights=self.weights)


async def predict_together(runner: Runner, call: Call, data: Any) -> dict[str, Any]:
    """Answer `POST /api/v1/predict/ensemble`. Returns and raises: as `predict_one`."""
    asked = split_ensemble(data)
    targets = [
        await _find(runner, call, member, f"members[{index}]")
        for index, member in enumerate(asked.members)
    ]
    asked.combine([Answered(target.signature) for target in targets])  # or say what is amiss
    whole = await ask_all(runner, call, targets, lambda: _read(targets, asked))
    answered = [Answered.with_outputs(*pair) for pair in zip(targets, whole.ran, strict=True)]
    combined = await runner.compute(call.size, lambda: asked.combine(answered).run(whole.shared))
    timing = note_answers(call, whole)
    return {
        "request_id": call.request_id,
        "method": asked.method,
        **_describe_answer(targets[0], combined),
        "members": _describe(asked, targets, whole.ran),
        "timing_ms": timing,
    }


@dataclass(frozen=True)
class Whole:
    """What all members were asked, and what they answered. load_s, read_s: before they ran."""

    shared: Any
    ran: list[Ran]
    load_s: float
    read_s: float


async def ask_all(
    runner: Runner,
    call: Call,
    targets: Sequence[Target],
    read: Callable[[], tuple[Any, list[Question]]],
) -> Whole:
    """Put a question to every member.

    Args: read: what all are asked, in whatever form, and the question of each.
    Raises: as `predict_one`.
    """
    began = time.perf_counter()
    models = [await load(runner, target) for target in targets]
    reading = time.perf_counter()
    shared, questions = await runner.compute(call.size, read)
    read_s = time.perf_counter() - reading
    for noted, question in zip(call.noted, questions, strict=True):
        noted.asked(question)
    ran = await runner.run_all(list(zip(targets, models, questions, strict=True)))
    return Whole(shared, ran, reading - began, read_s)


def note_answers(call: Call, whole: Whole) -> dict[str, float]:
    """A row of the log for each member. Returns: where the time of the whole went."""
    timing = _timing(call, whole)
    for noted, one in zip(call.noted, whole.ran, strict=True):
        noted.gave(one.outputs)
        own = timing | {"queue": ms(one.queue_s), "run": ms(one.run_s)}
        noted.answered(own, one.batch_rows)
    return timing


def split_ensemble(data: Any) -> Asked:
    """Raises: SpecError."""
    if not isinstance(data, Mapping):
        message = f"found {describe(data)}; expected a mapping"
        raise SpecError([Problem("(document)", message)])
    shape = validate(SHAPE, {key: data[key] for key in SHAPE.fields if key in data})
    members, method = shape["members"], shape["method"]
    problems = [
        Problem(f"members[{index}].{key[:60]}", f"unknown; expected {', '.join(MEMBER_FIELDS)}")
        for index, member in enumerate(members)
        for key in member
        if key not in MEMBER_FIELDS
    ]
    problems += _wrong_weights(members, method)
    if problems:
        raise SpecError(problems[:20])
    weights = [member["weight"] for member in members] if method == "weighted" else None
    body = {key: value for key, value in data.items() if key not in SHAPE.fields}
    return Asked(members, method, weights, body)


def _wrong_weights(members: Sequence[Mapping[str, Any]], method: str) -> list[Problem]:
    """What is wrong with the weight of each member, by the place where it was given."""
    problems = []
    for index, member in enumerate(members):
        weight = member.get("weight")
        if method != "weighted":
            wrong = weight is not None
            message = f"given, but the method is {method}; only weighted uses weights"
        elif weight is None:
            wrong, message = True, "missing; weighted needs one for each member"
        else:
            wrong = type(weight) not in (int, float) or not 0 <= weight <= LARGEST_WEIGHT
            message = f"found {describe(weight)}; expected a number from 0 to {LARGEST_WEIGHT:g}"
        if wrong:
            problems.append(Problem(f"members[{index}].weight", message))
    if method == "weighted" and not problems and not any(one["weight"] for one in members):
        problems.append(Problem("members[0].weight", "all weights are 0; expected one above 0"))
    return problems


async def _find(runner: Runner, call: Call, member: Mapping[str, Any], path: str) -> Target:
    given = {key: member[key] for key in ("model", "version", "alias") if key in member}
    model, asked = read_route(given, path)
    return await find(runner, call, model, asked)


def _read(targets: Sequence[Target], asked: Asked) -> tuple[dict[str, Tensor], list[Question]]:
    """Returns: what all are asked, and the question of each member with its own state."""
    shared = read_inputs(targets[0].signature, asked.body)
    questions = []
    for index, (target, member) in enumerate(zip(targets, asked.members, strict=True)):
        tensors = shared
        if (state := member.get("state")) is not None:
            path = f"members[{index}].state"
            _check_state(target, state, path)
            tensors = check_inputs(target.signature, {**shared, **state}, f"{path}.")
        questions.append(question_of(target.signature, tensors))
    return shared, questions


def _check_state(target: Target, state: Any, path: str) -> None:
    names = target.state_names
    if isinstance(state, Mapping) and names and set(state) == set(names):
        return
    expected = f"a mapping with {', '.join(names)}" if names else "none: it keeps no state"
    raise SpecError([Problem(path, f"found {describe(state)}; expected {expected}")])


def _timing(call: Call, whole: Whole) -> dict[str, float]:
    """Of the whole; `queue` and `run` are those of the slowest member."""
    return {
        "parse": ms(call.parse_s + whole.read_s),
        "route": ms(call.route_s),
        "load": ms(whole.load_s),
        "queue": ms(max(one.queue_s for one in whole.ran)),
        "run": ms(max(one.run_s for one in whole.ran)),
        "total": ms(time.perf_counter() - call.began),
    }


def _describe_answer(target: Target, combined: EnsembleAnswer) -> dict[str, Any]:
    """What they say together."""
    outputs = {name: tensor.numpy() for name, tensor in combined.outputs.items()}
    return {
        "outputs": exact(outputs),
        "action_names": action_names(target, outputs) or [],
        "disagreement": exact(combined.disagreement.numpy()),
        "q_std": exact(combined.q_std.numpy()),
    }


def _describe(asked: Asked, targets: Sequence[Target], ran: Sequence[Ran]) -> list[dict[str, Any]]:
    described = []
    for index, (member, target, one) in enumerate(zip(asked.members, targets, ran, strict=True)):
        name = member.get("version") or member.get("alias") or "latest"
        data: dict[str, Any] = describe_target(target)
        data["alias"] = alias_in(name)
        if asked.weights is not None:
            data["weight"] = asked.weights[index]
        data["outputs"] = exact(one.outputs)
        if names := action_names(target, one.outputs):
            data["action_names"] = names
        data["batch_rows"] = one.batch_rows
        described.append(data)
    return described
