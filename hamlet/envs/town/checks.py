"""What a TownEnv is asked for, checked before it takes memory or changes anything."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.observations import layout_for
from hamlet.envs.town.tables import ACTION_NAMES, ACTIONS, METER_NAMES
from hamlet.errors import Problem, ShapeError, SpecError
from hamlet.schema import describe, hint, is_finite

MAX_ENVS = 65_536
MAX_BYTES = 2**31
MAX_MULTIPLIER = 1000.0


def check_size(level: TownLevel, num_envs: Any) -> None:
    """Raises: SpecError if the town would have no rows, or more than memory is meant for."""
    whole = isinstance(num_envs, int) and not isinstance(num_envs, bool)
    if not whole or not 1 <= num_envs <= MAX_ENVS:
        message = f"found {describe(num_envs)}; expected a whole number from 1 to {MAX_ENVS}"
        raise SpecError([Problem("num_envs", message)])
    # Observations twice (the ready planes and the new one), and maps of 4- and 8-byte numbers.
    needed = num_envs * (8 * layout_for(level).size + 32 * level.cells)
    if needed > MAX_BYTES:
        message = (
            f"found {num_envs}, which takes {needed >> 20} MiB on a {level.width} x {level.height} "
            f"grid; expected at most {MAX_BYTES >> 20} MiB. Use fewer, or a smaller grid"
        )
        raise SpecError([Problem("num_envs", message)])


def check_stage(active_meters: Any, loss_multiplier: Any, sparse: Any) -> None:
    """Raises: SpecError on a meter that does not exist, a multiplier out of range, or a `sparse`
    that is neither true nor false."""
    if isinstance(active_meters, str) or not isinstance(active_meters, Collection):
        message = f"found {describe(active_meters)}; expected a list of {', '.join(METER_NAMES)}"
        raise SpecError([Problem("active_meters", message)])
    problems = [
        Problem(
            f"active_meters[{index}]",
            f"found {describe(name)}; expected one of {', '.join(METER_NAMES)}"
            f"{hint(name, METER_NAMES)}",
        )
        for index, name in enumerate(active_meters)
        if name not in METER_NAMES
    ]
    number = isinstance(loss_multiplier, int | float) and not isinstance(loss_multiplier, bool)
    if not (number and is_finite(loss_multiplier) and 0 <= loss_multiplier <= MAX_MULTIPLIER):
        message = f"found {describe(loss_multiplier)}; expected a number from 0 to 1000"
        problems.append(Problem("loss_multiplier", message))
    if not isinstance(sparse, bool):
        problems.append(Problem("sparse", f"found {describe(sparse)}; expected true or false"))
    if problems:
        raise SpecError(problems)


def check_actions(actions: Any, num_envs: int, device: torch.device) -> Tensor:
    """The actions as [N] int64 on the device. Their range is checked by `mask_of`.

    Raises: ShapeError if they are not N whole numbers.
    """
    actions = as_tensor(actions, device, "actions", f"whole numbers, [{num_envs}]")
    if actions.dtype != torch.int64:
        if actions.dtype not in WHOLE:
            found = f"{actions.dtype} {list(actions.shape)}"
            raise ShapeError(f"actions: found {found}; expected whole numbers, [{num_envs}]")
        actions = actions.long()
    if actions.shape != (num_envs,):
        raise ShapeError(f"actions: found {list(actions.shape)}; expected [{num_envs}]")
    return actions


def as_tensor(value: Any, device: torch.device, name: str, expected: str) -> Tensor:
    """Raises: ShapeError if it is neither a tensor nor made of numbers."""
    try:
        return torch.as_tensor(value, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise ShapeError(f"{name}: found {describe(value)}; expected {expected}") from None


def mask_of(actions: Tensor, action_mask: Tensor) -> Tensor:
    """[N] bool, the mask's entry for each action.

    Raises: ShapeError if an action is not from 0 to 7. On a GPU that is looked up first, since
    there a bad index would break the whole process.
    """
    if actions.device.type != "cpu":
        check_range(actions)
    try:
        return action_mask.gather(1, actions.unsqueeze(1)).squeeze(1)
    except RuntimeError:
        check_range(actions)
        raise


def check_range(actions: Tensor) -> None:
    low, high = map(int, actions.aminmax())
    if low < 0 or high >= len(ACTIONS):
        raise ShapeError(f"actions: found {low} to {high}; expected 0 to {len(ACTIONS) - 1}")


def describe_illegal(actions: Tensor, action_mask: Tensor, illegal: Tensor) -> str:
    """The first illegal action [N] and what its row might have done instead."""
    row = int(illegal.nonzero()[0])
    mask = action_mask[row].tolist()
    allowed = ", ".join(name for name, legal in zip(ACTION_NAMES, mask, strict=True) if legal)
    found = ACTION_NAMES[int(actions[row])]
    return f"row {row}: found {found}; expected one of {allowed}, as its action_mask says"


def check_mask(mask: Any, num_envs: int, device: torch.device) -> Tensor:
    """Rows chosen, [N] bool; all of them for None. Raises: ShapeError."""
    if mask is None:
        return torch.ones(num_envs, dtype=torch.bool, device=device)
    mask = as_tensor(mask, device, "mask", f"torch.bool [{num_envs}]")
    if mask.dtype != torch.bool or mask.shape != (num_envs,):
        found = f"{mask.dtype} {list(mask.shape)}"
        raise ShapeError(f"mask: found {found}; expected torch.bool [{num_envs}]")
    return mask


WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32)
