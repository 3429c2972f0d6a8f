"""What a TownEnv is asked for, checked before it takes memory or changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.observations import layout_for
from hamlet.envs.town.tables import ACTIONS, METER_NAMES
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


def check_stage(active_meters: Sequence[str], loss_multiplier: Any) -> None:
    """Raises: SpecError on a meter that does not exist, or a multiplier out of range."""
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
    if problems:
        raise SpecError(problems)


def check_actions(actions: Any, num_envs: int, device: torch.device) -> Tensor:
    """The actions as [N] int64 on the device.

    Raises: ShapeError if they are not N whole numbers from 0 to 7.
    """
    actions = torch.as_tensor(actions, device=device)
    kind = actions.dtype
    if actions.shape != (num_envs,) or kind.is_floating_point or kind in REFUSED:
        found = f"{kind} {list(actions.shape)}"
        raise ShapeError(f"actions: found {found}; expected whole numbers, [{num_envs}]")
    low, high = actions.aminmax()
    if int(low) < 0 or int(high) >= len(ACTIONS):
        message = f"found {int(low)} to {int(high)}; expected 0 to {len(ACTIONS) - 1}"
        raise ShapeError(f"actions: {message}")
    return actions.long()


REFUSED = (torch.bool, torch.complex64, torch.complex128)
