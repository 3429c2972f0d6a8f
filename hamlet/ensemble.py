"""Several models asked together: one answer, what each said, and how far they disagree.

Shapes: B batch, A actions, M members.
Source: Lakshminarayanan et al., https://arxiv.org/abs/1612.01474 (disagreement as uncertainty).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.answering import Model
from hamlet.brains import choose_actions
from hamlet.errors import InputError, Problem, SpecError
from hamlet.schema import describe
from hamlet.signature import Signature

METHODS = ("mean", "vote", "weighted")
MOST_MEMBERS = 32
VALUES, ACTIONS, MASK = "q_values", "actions", "action_mask"


@dataclass(frozen=True)
class EnsembleAnswer:
    """Attributes:
    outputs: `actions` int64 [B] and `q_values` [B, A] of the ensemble.
    members: outputs of each member, in order, hidden states included.
    disagreement: [B] share of the members that chose another action than the ensemble, 0 to 1.
    q_std: [B, A] standard deviation of the members' values (of the members as they are, so 0
        for one alone).
    """

    outputs: dict[str, Tensor]
    members: tuple[dict[str, Tensor], ...]
    disagreement: Tensor
    q_std: Tensor


class EnsembleModel:
    """Members that take and give the same. Pure: the hidden states of recurrent members go in and
    come out by member.

    `mean` values an action by the mean over the members, `weighted` by the weighted mean, and both
    take the legal action of highest value. `vote` takes the action most members chose; of several
    with as many votes, the one whose mean value is highest, and of those the first. Its `q_values`
    are the mean.
    """

    def __init__(
        self,
        members: Sequence[Model],
        *,
        method: str = "mean",
        weights: Sequence[float] | None = None,
    ) -> None:
        """Args: weights: one for each member, none negative, not all 0; of `weighted` alone. Their
            sum does not matter.

        Raises: SpecError naming what does not fit together.
        """
        problems = _wrong_arguments(members, method, weights)
        if not problems:
            problems = _misfits([member.signature() for member in members])
        if problems:
            raise SpecError(problems)
        self.members = tuple(members)
        self.method = method
        shares = torch.tensor(list(weights or [1.0] * len(members)), dtype=torch.float64)
        self.shares = (shares / shares.sum()).float()

    def signature(self) -> Signature:
        """Of every member. Hidden states are not taken from `inputs` but by member."""
        return self.members[0].signature()

    def run(
        self,
        inputs: Mapping[str, Any],
        member_inputs: Sequence[Mapping[str, Any]] | None = None,
    ) -> EnsembleAnswer:
        """Ask all members.

        Args:
            inputs: by the names of the signature, the same for all.
            member_inputs: what one member gets beside them: the `hidden_h` and `hidden_c` that
                the same member returned.
        Raises: InputError naming what does not fit; `members[2].hidden_h` names a member's own.
        """
        tensors = [
            self._checked(index, inputs, own)
            for index, own in enumerate(self._own_inputs(member_inputs))
        ]
        answers = tuple(
            {name: tensor.cpu() for name, tensor in member.run_checked(given).items()}
            for member, given in zip(self.members, tensors, strict=True)
        )
        return self._combine(answers, tensors[0].get(MASK))

    def _own_inputs(self, given: Any) -> Sequence[Mapping[str, Any]]:
        if given is None:
            return [{}] * len(self.members)
        fits = isinstance(given, list | tuple) and len(given) == len(self.members)
        if not fits or not all(isinstance(own, Mapping) for own in given):
            message = f"found {describe(given)}; expected {len(self.members)} mappings, one each"
            raise InputError([Problem("members", message)])
        return given

    def _checked(
        self, index: int, inputs: Mapping[str, Any], own: Mapping[str, Any]
    ) -> dict[str, Tensor]:
        given = {**inputs, **own} if isinstance(inputs, Mapping) else inputs
        try:
            return self.members[index].signature().check_inputs(given)
        except InputError as error:
            raise InputError(
                [
                    Problem(
                        f"members[{index}].{path}" if path.split("[")[0] in own else path, message
                    )
                    for path, message in error.problems
                ]
            ) from None

    def _combine(
        self, answers: tuple[dict[str, Tensor], ...], mask: Tensor | None
    ) -> EnsembleAnswer:
        stacked = torch.stack([answer[VALUES] for answer in answers])  # [M, B, A]
        mask = None if mask is None else mask.cpu()
        values = (stacked * self.shares.view(-1, 1, 1)).sum(dim=0)
        chosen = torch.stack(
            [
                answer[ACTIONS] if ACTIONS in answer else choose_actions(answer[VALUES], mask)
                for answer in answers
            ]
        )  # [M, B]
        if self.method == "vote":
            actions = _most_votes(chosen, values)
        else:
            actions = choose_actions(values, mask)
        return EnsembleAnswer(
            outputs={ACTIONS: actions, VALUES: values},
            members=answers,
            disagreement=(chosen != actions).float().mean(dim=0),
            q_std=stacked.std(dim=0, correction=0),
        )


def _most_votes(chosen: Tensor, values: Tensor) -> Tensor:
    """Args: chosen [M, B] actions; values [B, A]. Returns: [B] actions.

    An action nobody chose is none, so that a mask which the members obeyed holds here too.
    """
    votes = torch.zeros(values.shape, dtype=torch.int64)
    votes.scatter_add_(1, chosen.T, torch.ones_like(chosen.T))
    leading = votes == votes.max(dim=1, keepdim=True).values
    return values.masked_fill(~leading, -torch.inf).argmax(dim=1)


def _wrong_arguments(
    members: Sequence[Model], method: Any, weights: Sequence[float] | None
) -> list[Problem]:
    problems = []
    if not 1 <= len(members) <= MOST_MEMBERS:
        message = f"found {len(members)}; expected 1 to {MOST_MEMBERS} models"
        problems.append(Problem("members", message))
    if method not in METHODS:
        message = f"found {describe(method)}; expected one of {', '.join(METHODS)}"
        problems.append(Problem("method", message))
    elif (weights is not None) != (method == "weighted"):
        message = (
            "given, but only weighted uses them" if weights else "missing; weighted needs them"
        )
        problems.append(Problem("weights", message))
    if weights is not None and (message := _wrong_weights(weights, len(members))):
        problems.append(Problem("weights", message))
    return problems


def _wrong_weights(weights: Any, members: int) -> str | None:
    numbers = isinstance(weights, list | tuple) and all(
        isinstance(weight, int | float) and not isinstance(weight, bool) for weight in weights
    )
    if not numbers or len(weights) != members:
        return f"found {describe(weights)}; expected {members} numbers, one for each member"
    if not all(0 <= weight <= 1e9 for weight in weights) or math.fsum(weights) <= 0:
        return "expected numbers from 0 to 1e9, of which one is above 0"
    return None


def _misfits(signatures: list[Signature]) -> list[Problem]:
    """Where a member takes or gives something else than the first."""
    first = signatures[0]
    problems = []
    values = next((spec for spec in first.outputs if spec.name == VALUES), None)
    if values is None or values.dtype != "float32" or len(values.shape) != 2:
        message = f"no output {VALUES} float32 [batch, actions]; an ensemble combines these"
        problems.append(Problem("members[0]", message))
    for index, other in enumerate(signatures[1:], start=1):
        for label in ("inputs", "outputs", "action_names"):
            if getattr(other, label) != getattr(first, label):
                message = f"other {label} than members[0]; all must take and give the same"
                problems.append(Problem(f"members[{index}]", message))
        if first.layout and other.layout and first.layout.hash != other.layout.hash:
            message = f"another observation: {'; '.join(other.layout.differences(first.layout))}"
            problems.append(Problem(f"members[{index}].layout", message))
    return problems
