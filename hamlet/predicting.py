"""What every `predict` reads from its arguments, and how a board's is answered.

Shapes: B batch, P planes, R rows, A actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hamlet.brains import choose_actions
from hamlet.brains.board import INPUT, POLICY, VALUE, open_columns
from hamlet.brains.masked_categorical import legal_policy
from hamlet.errors import InputError, Problem
from hamlet.schema import describe
from hamlet.tensor_inputs import MOST_PROBLEMS, BoundShape, holds_numbers, read_tensor

if TYPE_CHECKING:
    from hamlet.model import HamletModel

WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
REAL = int | float | np.integer | np.floating

Numbers = Tensor | np.ndarray | Sequence[Any]


def predict_board(
    model: HamletModel,
    planes: Numbers,
    epsilon: float,
    action_mask: Numbers | None,
    generator: torch.Generator | None,
) -> dict[str, Any]:
    """`HamletModel.predict` for a model of a board.

    Args:
        planes: [P, R, A] or [B, P, R, A].
        action_mask: [A] or [B, A], decides alone; None for
            the columns that are not full.
    Returns: {"actions": int64 [] or [B], "policy": [A] or [B, A], probabilities over the legal
        columns and exactly 0 elsewhere, "value": [] or [B], "hidden": None}.
    Raises: InputError naming what does not fit.
    """
    check_epsilon(epsilon, generator)
    single = is_single(planes, axes=3)
    tensors = model.signature().check_inputs({INPUT: batched(planes) if single else planes})
    outputs = model.run_checked(tensors)
    legal = open_columns(tensors[INPUT]).to(outputs[POLICY].device)
    if action_mask is not None:
        legal = _read_mask(action_mask, legal)
    _refuse_without_legal(legal)
    policy = legal_policy(outputs[POLICY], legal)
    actions = choose_actions(policy, legal, float(epsilon), generator)
    answer = {"actions": actions, POLICY: policy, VALUE: outputs[VALUE].squeeze(1)}
    if single:
        answer = {name: tensor[0] for name, tensor in answer.items()}
    return {**answer, "hidden": None}


def _read_mask(mask: Numbers, legal: Tensor) -> Tensor:
    """Args: legal: whose shape and device the mask takes. Raises: InputError."""
    name = "action_mask"
    problems: list[Problem] = []
    read = read_tensor(as_mask(mask), name, "bool", BoundShape(legal.shape, None), problems)
    if problems:
        raise InputError(problems)
    return read.to(legal.device)


def _refuse_without_legal(legal: Tensor) -> None:
    rows = (~legal.any(dim=1)).nonzero().flatten().tolist()[:MOST_PROBLEMS]
    message = "no action is legal; expected a board or a mask with at least one"
    if rows:
        raise InputError([Problem(f"{INPUT}[{row}]", message) for row in rows])


def check_epsilon(epsilon: Any, generator: Any) -> None:
    number = isinstance(epsilon, REAL) and not isinstance(epsilon, bool)
    if not number or not 0.0 <= epsilon <= 1.0:
        message = f"found {describe(epsilon)}; expected a number from 0 to 1"
        raise InputError([Problem("epsilon", message)])
    if generator is not None and not isinstance(generator, torch.Generator):
        message = f"found {describe(generator)}; expected a torch.Generator"
        raise InputError([Problem("generator", message)])
    if epsilon > 0 and generator is None:
        message = "missing; epsilon above 0 draws random numbers, so pass a torch.Generator"
        raise InputError([Problem("generator", message)])


def is_single(value: Any, axes: int = 1) -> bool:
    """One row of so many axes without a batch axis. Anything odd counts as a batch, and is refused
    as one."""
    if isinstance(value, Tensor):
        return holds_numbers(value) and value.ndim == axes
    if isinstance(value, np.ndarray):
        return value.ndim == axes
    for _ in range(axes):
        if not isinstance(value, list | tuple) or not value:
            return False
        value = value[0]
    return isinstance(value, REAL | np.bool_)


def batched(value: Any) -> Any:
    return value[None] if isinstance(value, Tensor | np.ndarray) else [value]


def as_mask(mask: Any) -> Any:
    """A mask as a batch; whole numbers 0 and 1, as Gymnasium gives them, become bools."""
    if isinstance(mask, np.ndarray) and mask.dtype.kind in "iu":
        mask = mask.astype(bool) if ((mask == 0) | (mask == 1)).all() else mask
    elif isinstance(mask, Tensor) and mask.dtype in WHOLE and holds_numbers(mask):
        mask = mask.bool() if bool(((mask == 0) | (mask == 1)).all()) else mask
    elif isinstance(mask, list | tuple):
        mask = [
            [as_flag(flag) for flag in row] if isinstance(row, list | tuple) else as_flag(row)
            for row in mask
        ]
    return batched(mask) if is_single(mask) else mask


def as_flag(value: Any) -> Any:
    return bool(value) if isinstance(value, int | np.integer) and value in (0, 1) else value
