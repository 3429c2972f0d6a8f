"""Examples of good play: positions, and what a network should have said about each.

Shapes: N examples, B of one batch, 7 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.envs.connect_four.batch import canonical_keys, open_columns_of
from hamlet.envs.connect_four.bits import COLUMNS
from hamlet.envs.connect_four.planes import mirrored_columns, planes_of
from hamlet.errors import InputError, Problem

SUM_TOLERANCE = 1e-3  # of a policy, which is to sum to 1
MOST_NAMED = 20
NO_REPLY = -1  # where nobody answered
DTYPES = {
    "own": torch.int64,
    "occupied": torch.int64,
    "policy": torch.float32,
    "value": torch.float32,
    "weight": torch.float32,
    "reply": torch.int64,
}


@dataclass(frozen=True)
class Examples:
    """Attributes:
    own, occupied: [N] int64 bitboards: stones of the side to move, all stones.
    policy: [N, 7], the share of each column, 0 on full ones. value: [N] in [-1, 1].
    weight: [N] above 0. reply: [N] int64, the column that answered, or NO_REPLY.
    """

    own: Tensor
    occupied: Tensor
    policy: Tensor
    value: Tensor
    weight: Tensor
    reply: Tensor

    def __len__(self) -> int:
        return len(self.own)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], device: torch.device | str = "cpu") -> Examples:
        """Args: arrays: NumPy arrays or tensors by the names above; `weight` and `reply` may be
            left out, for 1 and NO_REPLY.

        Raises: InputError naming the index of what cannot be learned from.
        """
        unknown = sorted(set(arrays) - set(DTYPES))
        missing = sorted(set(DTYPES) - {"weight", "reply"} - set(arrays))
        if unknown or missing:
            message = f"missing {missing or 'none'}, unknown {unknown or 'none'}"
            raise InputError([Problem("examples", message)])
        rows = len(arrays["own"])
        given = {
            "weight": np.ones(rows, np.float32),
            "reply": np.full(rows, NO_REPLY),
            **arrays,
        }
        tensors = {name: torch.as_tensor(given[name]).to(dtype) for name, dtype in DTYPES.items()}
        problems = wrong_examples(tensors)
        if problems:
            raise InputError(problems[:MOST_NAMED])
        return cls(**{name: tensor.to(device) for name, tensor in tensors.items()})

    def take(self, rows: Tensor) -> Examples:
        """Args: rows: [B] int64, or [N] bool."""
        return Examples(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def tensors(self) -> dict[str, Tensor]:
        """On the CPU, by name."""
        return {each.name: getattr(self, each.name).cpu() for each in fields(self)}


@dataclass(frozen=True)
class Batch:
    """What a network is shown and should say, some of it seen in the mirror.

    Attributes:
        planes: [B, 3, 6, 7]. legal: [B, 7] bool. The rest as in Examples.
    """

    planes: Tensor
    legal: Tensor
    policy: Tensor
    value: Tensor
    weight: Tensor
    reply: Tensor

    @classmethod
    def of(cls, examples: Examples, flipped: Tensor | None = None) -> Batch:
        """Args: flipped: [B] bool, true for examples to be mirrored."""
        planes = planes_of(examples.own, examples.occupied)
        legal, policy = open_columns_of(examples.occupied), examples.policy
        reply = examples.reply
        if flipped is not None:
            turned = flipped[:, None]
            planes = torch.where(turned[:, :, None, None], mirrored_columns(planes), planes)
            legal = torch.where(turned, mirrored_columns(legal), legal)
            policy = torch.where(turned, mirrored_columns(policy), policy)
            reply = torch.where(flipped & (reply >= 0), COLUMNS - 1 - reply, reply)
        return cls(planes, legal, policy, examples.value, examples.weight, reply)


def seen_in(training: Examples, validation: Examples) -> Tensor:
    """[N] bool: true where a validation position, or its mirror image, is among the training."""
    keys = [canonical_keys(part.own.cpu(), part.occupied.cpu()) for part in (training, validation)]
    return torch.isin(keys[1], keys[0]).to(validation.own.device)


def wrong_examples(tensors: Mapping[str, Tensor]) -> list[Problem]:
    """Every example that cannot be learned from, by its index."""
    rows = len(tensors["own"])
    if rows == 0:
        return [Problem("examples", "found none; expected one or more")]
    for name, tensor in tensors.items():
        shape = [rows, COLUMNS] if name == "policy" else [rows]
        if list(tensor.shape) != shape:
            message = f"found shape {list(tensor.shape)}; expected {shape}"
            return [Problem(f"examples.{name}", message)]
    policy, value, weight = tensors["policy"], tensors["value"], tensors["weight"]
    legal = open_columns_of(tensors["occupied"])
    reply = tensors["reply"]
    faults = {
        "own": ((tensors["own"] & ~tensors["occupied"]) != 0, "stones outside of occupied"),
        "policy": (
            ~torch.isfinite(policy).all(dim=1)
            | (policy < 0).any(dim=1)
            | ((policy.sum(dim=1) - 1.0).abs() > SUM_TOLERANCE),
            "expected 7 numbers from 0 that sum to 1",
        ),
        "policy (full columns)": (
            (policy.masked_fill(legal, 0.0) > 0).any(dim=1),
            "a full column has a share; expected 0 there",
        ),
        "value": (~(value.abs() <= 1.0), "expected a number from -1 to 1"),
        "weight": (~(weight > 0) | ~torch.isfinite(weight), "expected a finite number above 0"),
        "reply": (
            (reply < NO_REPLY) | (reply >= COLUMNS),
            f"expected a column from 0 to 6, or {NO_REPLY}",
        ),
    }
    return [
        Problem(f"examples[{index}].{name}", message)
        for name, (wrong, message) in faults.items()
        for index in wrong.nonzero().flatten().tolist()[:MOST_NAMED]
    ]
