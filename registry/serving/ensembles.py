"""One question to several versions at once: what each says, what they say together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hamlet.ensemble import METHODS, MOST_MEMBERS, EnsembleModel
from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, ListOf, Section, Unread, describe, validate
from hamlet.signature import Signature
from registry.serving.batching import Ran
from registry.serving.inputs import check_inputs, question_of, read_inputs
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
MEMBER_FIELDS = ("model", "version", "alias", "weight", "state")


class Answered:
    """A member of an ensemble whose answer is there already, if it is wanted."""

    metadata: dict[str, Any] = {}

    def __init__(self, signature: Signature, outputs: dict[str, Tensor] | None = None) -> None:
        self._signature, self._outputs = signature, outputs
        self.adapter = signature.adapter

    def signature(self) -> Signature:
        return self._signature

    def run_checked(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return self._outputs


async def predict_together(runner: Runner, call: Call, data: Any) -> dict[str, Any]:
    """Answer `POST /api/v1/predict/ensemble`. Returns and raises: as `predict_one`."""
    members, method, weights, body = split_ensemble(data)
    targets = [
        await _find(runner, call, member, f"members[{index}]")
        for index, member in enumerate(members)
    ]
    signatures = [target.signature for target in targets]
    EnsembleModel([Answered(one) for one in signatures], method=method, weights=weights)
    began = time.perf_counter()
    models = [await load(runner, target) for target in targets]
    reading = time.perf_counter()
    shared, questions = _read(targets, members, body)
    read_s = time.perf_counter() - reading
    for noted, question in zip(call.noted, questions, strict=True):
        noted.asked(question)
    ran = await runner.run_all(list(zip(targets, models, questions, strict=True)))
    for noted, one in zip(call.noted, ran, strict=True):
        noted.gave(one.outputs)
    together = [
        Answered(signature, {name: torch.from_numpy(array) for name, array in one.outputs.items()})
        for signature, one in zip(signatures, ran, strict=True)
    ]
    combined = EnsembleModel(together, method=method, weights=weights).run(shared)
    outputs = {name: tensor.numpy() for name, tensor in combined.outputs.items()}
    timing = {
        "parse": ms(call.parse_s + read_s),
        "route": ms(call.route_s),
        "load": ms(reading - began),
        "queue": ms(max(one.queue_s for one in ran)),
        "run": ms(max(one.run_s for one in ran)),
        "total": ms(time.perf_counter() - call.began),
    }
    for noted, one in zip(call.noted, ran, strict=True):
        own = timing | {"queue": ms(one.queue_s), "run": ms(one.run_s)}
        noted.answered(own, one.batch_rows)
    return {
        "request_id": call.request_id,
        "method": method,
        "outputs": exact(outputs),
        "action_names": action_names(targets[0], outputs) or [],
        "disagreement": exact(combined.disagreement.numpy()),
        "q_std": exact(combined.q_std.numpy()),
        "members": _describe(members, targets, weights, ran),
        "timing_ms": timing,
    }


def split_ensemble(
    data: Any,
) -> tuple[list[dict[str, Any]], str, list[float] | None, dict[str, Any]]:
    """Returns: (members, method, weights, what all are asked). Raises: SpecError."""
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
    weighted = [index for index, member in enumerate(members) if member.get("weight") is not None]
    if weighted and method != "weighted":
        message = f"given, but the method is {method}; only weighted uses weights"
        problems.append(Problem(f"members[{weighted[0]}].weight", message))
    if method == "weighted":
        problems += [
            Problem(f"members[{index}].weight", "missing; weighted needs one for each member")
            for index in range(len(members))
            if index not in weighted
        ]
    if problems:
        raise SpecError(problems[:20])
    weights = [member["weight"] for member in members] if method == "weighted" else None
    body = {key: value for key, value in data.items() if key not in SHAPE.fields}
    return members, method, weights, body


async def _find(runner: Runner, call: Call, member: Mapping[str, Any], path: str) -> Target:
    given = {key: member[key] for key in ("model", "version", "alias") if key in member}
    model, asked = read_route(given, path)
    return await find(runner, call, model, asked)


def _read(
    targets: Sequence[Target], members: Sequence[Mapping[str, Any]], body: Mapping[str, Any]
) -> tuple[dict[str, Tensor], list[Any]]:
    """Returns: what all are asked, and the question of each member with its own state."""
    shared = read_inputs(targets[0].signature, body)
    questions = []
    for index, (target, member) in enumerate(zip(targets, members, strict=True)):
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


def _describe(
    members: Sequence[Mapping[str, Any]],
    targets: Sequence[Target],
    weights: Sequence[float] | None,
    ran: Sequence[Ran],
) -> list[dict[str, Any]]:
    described = []
    for index, (member, target, one) in enumerate(zip(members, targets, ran, strict=True)):
        asked = member.get("version") or member.get("alias") or "latest"
        data: dict[str, Any] = describe_target(target)
        data["alias"] = alias_in(asked)
        if weights is not None:
            data["weight"] = weights[index]
        data["outputs"] = exact(one.outputs)
        if names := action_names(target, one.outputs):
            data["action_names"] = names
        data["batch_rows"] = one.batch_rows
        described.append(data)
    return described
