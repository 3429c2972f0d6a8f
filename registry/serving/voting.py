"""A question in a system's own form that several versions vote on: one answer, and each vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hamlet.ensemble import MOST_MEMBERS
from hamlet.errors import Problem, SpecError, attempt
from hamlet.learning.connect_four.naming import snake, snake_cased
from hamlet.schema import ListOf, Number, Section, Text, validate
from hamlet.systems import System
from registry.names import read_version_id
from registry.serving import own_forms
from registry.serving.ensembles import (
    LARGEST_WEIGHT,
    SHAPE,
    Whole,
    ask_all,
    note_answers,
    predict_together,
)
from registry.serving.inputs import Question, read_question
from registry.serving.prediction import Call, find
from registry.serving.replies import ms
from registry.serving.runners import Runner
from registry.serving.targets import Target, describe_target
from registry.serving.voters import FEWEST_VOTERS, default_voters

MODEL_IDS, WEIGHTS = "model_ids", "weights"
FIELDS = Section(
    {
        "model": Text(None, longest=100, optional=True),
        MODEL_IDS: ListOf(
            Text(longest=160),
            shortest=FEWEST_VOTERS,
            longest=MOST_MEMBERS,
            default=None,
            optional=True,
        ),
        WEIGHTS: ListOf(
            Number(0, LARGEST_WEIGHT),
            shortest=FEWEST_VOTERS,
            longest=MOST_MEMBERS,
            default=None,
            optional=True,
        ),
    }
)


@dataclass(frozen=True)
class Vote:
    """What is put to the vote, and who votes.

    Attributes:
        model: whose newest checked versions vote where none are named; None where the only model
            of the system that the asker sees is meant. named: (model, version or alias) of each.
        body: what all of them are asked.
    """

    model: str | None
    named: list[tuple[str, str]] | None
    weights: list[float] | None
    body: dict[str, Any]


async def answer_together(runner: Runner, call: Call, data: Any) -> dict[str, Any]:
    """Answer `POST /api/v1/predict/ensemble` in either of its forms: members that are combined by
    their outputs' names, or versions that vote. Returns and raises: as `predict_one`."""
    system = own_forms.voting_system(data)
    if isinstance(data, Mapping) and not any(name in data for name in SHAPE.fields):
        if system is not None:
            return await vote_together(runner, call, data, system)
        if beside := [name for name in data if snake(str(name)) == MODEL_IDS]:
            message = f"given without what they vote on: {' or '.join(own_forms.VOTED_ON)}"
            raise SpecError([Problem(beside[0], message)])
    return await predict_together(runner, call, data)


async def vote_together(runner: Runner, call: Call, data: Any, system: System) -> dict[str, Any]:
    """Returns and raises: as `predict_one`; ConflictError if there are too few to vote."""
    vote = read_vote(data)
    count = system.ballot(vote.body)  # or say what is amiss with it
    targets = await _voters(runner, call, vote, system)
    weights = _weights(vote, targets)

    def read() -> tuple[None, list[Question]]:
        return None, [read_question(target.signature, vote.body) for target in targets]

    whole = await ask_all(runner, call, targets, read)
    counted = count([one.outputs for one in whole.ran], weights)
    timing = note_answers(call, whole)
    return {
        "request_id": call.request_id,
        **_describe(targets, counted, whole),
        "timing_ms": timing,
    }


def read_vote(data: Mapping[str, Any]) -> Vote:
    """Raises: SpecError naming every fault of what chooses who votes."""
    problems: list[Problem] = []
    plain = snake_cased(data, "", problems)
    chosen = {name: plain[name] for name in FIELDS.fields if name in plain}
    read = attempt(problems, validate, FIELDS, chosen) or {}
    named: list[tuple[str, str]] = []
    for index, one in enumerate(read.get(MODEL_IDS) or ()):
        named.append(attempt(problems, read_version_id, one, f"{MODEL_IDS}[{index}]"))
    if named and read["model"] is not None:
        message = f"stands beside {MODEL_IDS}, which names versions of any model; send one of them"
        problems.append(Problem("model", message))
    weights = read.get(WEIGHTS)
    if weights and not any(weights):
        problems.append(Problem(WEIGHTS, "all weights are 0; expected one above 0"))
    if problems:
        raise SpecError(problems)
    body = {name: value for name, value in plain.items() if name not in FIELDS.fields}
    return Vote(read["model"], named or None, weights, body)


async def _voters(runner: Runner, call: Call, vote: Vote, system: System) -> list[Target]:
    """Raises: as `find`; SpecError for one that stands there twice or answers other questions."""
    named = vote.named
    if named is None:
        named = await runner.aside(default_voters, call.caller.user, vote.model, system)
    targets: list[Target] = []
    problems = []
    for index, (model, asked) in enumerate(named):
        target = await find(runner, call, model, asked)
        path = f"{MODEL_IDS}[{index}]" if vote.named else "model"
        if target.signature.adapter != system.name:
            message = f"{target} takes no {system.votes_on}; expected versions for {system.title}"
            problems.append(Problem(path, message))
        if any(target.version_id == other.version_id for other in targets):
            message = f"{target} stands there twice; name it once, with a larger weight"
            problems.append(Problem(path, message))
        targets.append(target)
    if problems:
        raise SpecError(problems)
    return targets


def _weights(vote: Vote, targets: Sequence[Target]) -> list[float]:
    """Raises: SpecError unless there is one for each."""
    if vote.weights is None:
        return [1.0] * len(targets)
    if len(vote.weights) != len(targets):
        names = ", ".join(map(str, targets))
        message = f"found {len(vote.weights)}; expected {len(targets)}, one each for {names}"
        raise SpecError([Problem(WEIGHTS, message)])
    return vote.weights


def _describe(
    targets: Sequence[Target], counted: Mapping[str, Any], whole: Whole
) -> dict[str, Any]:
    """The reply as a single version gives it, with who voted what."""
    models = {target.model for target in targets}
    named = own_forms.named(None, counted, ms(max(one.run_s for one in whole.ran)))
    votes = [
        {**describe_target(target), **vote}
        for target, vote in zip(targets, counted["votes"], strict=True)
    ]
    return {**named, "model": models.pop() if len(models) == 1 else None, "votes": votes}
