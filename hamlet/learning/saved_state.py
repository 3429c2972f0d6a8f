"""Turn the state of tensors, optimisers and schedules into plain trees and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.errors import CheckpointError


def load_tensor(target: Tensor, saved: Any, name: str) -> None:
    """Copy a saved tensor over one of the same shape and type.

    Raises: CheckpointError where they differ, since copy_ would broadcast or convert.
    """
    if not isinstance(saved, Tensor) or saved.shape != target.shape or saved.dtype != target.dtype:
        raise CheckpointError(
            f"{name}: found {spell(saved)}; expected {spell(target)}. "
            "The state was saved by a run with other settings."
        )
    with torch.no_grad():
        target.copy_(saved)


def load_tensors(targets: Mapping[str, Tensor], saved: Mapping[str, Any], name: str) -> None:
    """`load_tensor` for each name. Raises: CheckpointError on a missing or an unknown name too."""
    if set(targets) != set(saved):
        raise CheckpointError(
            f"{name}: found entries {sorted(saved)}; expected {sorted(targets)}. "
            "The state was saved by a run with other settings."
        )
    for key, target in targets.items():
        load_tensor(target, saved[key], f"{name}.{key}")


def cloned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A snapshot that later training does not change."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def generator_state(generator: torch.Generator) -> Tensor:
    return generator.get_state().clone()


def load_generator(generator: torch.Generator, saved: Any, name: str) -> None:
    """Raises: CheckpointError if `saved` is no state of such a generator."""
    expected = generator.get_state()
    if not isinstance(saved, Tensor) or saved.dtype != expected.dtype or saved.ndim != 1:
        raise CheckpointError(f"{name}: found {spell(saved)}; expected a generator's state")
    try:
        generator.set_state(saved.cpu())
    except RuntimeError as error:
        raise CheckpointError(f"{name}: not a generator's state ({error})") from None


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state with text keys and lists only, as checkpoints need it."""
    state = optimizer.state_dict()
    return {
        "slots": [
            {name: snapshot(value) for name, value in state["state"].get(index, {}).items()}
            for index in range(sum(len(group["params"]) for group in state["param_groups"]))
        ],
        "groups": [
            {
                name: list(value) if isinstance(value, tuple) else snapshot(value)
                for name, value in group.items()
            }
            for group in state["param_groups"]
        ],
    }


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Take up what `optimizer_state` gave.

    Raises: CheckpointError if it belongs to an optimiser of another kind or network.
    """
    current = optimizer.state_dict()
    groups = []
    for mine, theirs in zip(current["param_groups"], saved["groups"], strict=True):
        if set(mine) != set(theirs) or mine["params"] != theirs["params"]:
            raise CheckpointError("optimizer: the state was saved by another kind of optimiser")
        groups.append(
            {
                name: tuple(value) if isinstance(mine[name], tuple) else value
                for name, value in theirs.items()
            }
        )
    slots = {index: dict(slot) for index, slot in enumerate(saved["slots"]) if slot}
    try:
        optimizer.load_state_dict({"state": slots, "param_groups": groups})
    except (ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"optimizer: {error}") from None


def snapshot(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def spell(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {value.dtype}"
    return f"a {type(value).__name__}"
