"""Turn the state of tensors, generators and optimisers into plain trees and back.

What is read back may come from a damaged file or a hostile one, so every field is compared with
what this run expects, and every fault is named by its path.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hamlet.errors import CheckpointError
from hamlet.schema import describe

OTHER_RUN = "The state is damaged, or was saved by a run with other settings."
# What reading a field of another kind than it should be may raise.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)
# What each optimiser remembers of a parameter, after its first step.
SLOTS = {
    "Adam": {"step", "exp_avg", "exp_avg_sq"},
    "AdamW": {"step", "exp_avg", "exp_avg_sq"},
    "Lamb": {"step", "exp_avg", "exp_avg_sq"},
    "RMSprop": {"step", "square_avg"},
    "SGD": {"momentum_buffer"},
}


@contextmanager
def below(path: str) -> Iterator[None]:
    """Faults inside carry the path of what they are part of."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}.{error}") from None
    except torch.OutOfMemoryError:
        raise  # the state may be sound; the device is full
    except DAMAGE as error:
        kind = type(error).__name__
        raise CheckpointError(f"{path}: cannot be read ({kind}: {error}). {OTHER_RUN}") from None


def check_spec_hash(state: Any, expected: str) -> None:
    """Raises: CheckpointError unless `state` is that of a run whose spec has this hash."""
    found = state.get("spec_hash") if isinstance(state, Mapping) else None
    if found != expected:
        raise CheckpointError(
            f"found the state of run spec {describe(found)}; this run is {expected}. "
            "Start a trainer from the saved run's own spec."
        )


def load_whole(value: Any, low: int, high: int, name: str) -> int:
    """A whole number from `low` to `high`. Raises: CheckpointError."""
    if type(value) is not int or not low <= value <= high:
        message = f"found {describe(value)}; expected a whole number from {low} to {high}"
        raise CheckpointError(f"{name}: {message}. {OTHER_RUN}")
    return value


def load_number(value: Any, low: float, high: float, name: str) -> float:
    """A finite number from `low` to `high`. Raises: CheckpointError."""
    good = type(value) in (int, float) and math.isfinite(value) and low <= value <= high
    if not good:
        message = f"found {describe(value)}; expected a number from {low:g} to {high:g}"
        raise CheckpointError(f"{name}: {message}. {OTHER_RUN}")
    return float(value)


def load_list(value: Any, shortest: int, longest: int, name: str) -> list[Any]:
    """A list of a length in these bounds. Raises: CheckpointError."""
    if not isinstance(value, list) or not shortest <= len(value) <= longest:
        message = f"found {describe(value)}; expected a list of {shortest} to {longest}"
        raise CheckpointError(f"{name}: {message}. {OTHER_RUN}")
    return value


def load_tensor(target: Tensor, saved: Any, name: str) -> None:
    """Copy a saved tensor over one of the same shape and type.

    Raises: CheckpointError where they differ, since copy_ would broadcast or convert.
    """
    if not isinstance(saved, Tensor) or saved.shape != target.shape or saved.dtype != target.dtype:
        raise CheckpointError(
            f"{name}: found {spell(saved)}; expected {spell(target)}. {OTHER_RUN}"
        )
    with torch.no_grad():
        target.copy_(saved)


def load_tensors(targets: Mapping[str, Tensor], saved: Any, name: str) -> None:
    """`load_tensor` for each name. Raises: CheckpointError on a missing or an unknown name too."""
    if not isinstance(saved, Mapping) or set(targets) != set(saved):
        found = sorted(map(str, saved)) if isinstance(saved, Mapping) else spell(saved)
        raise CheckpointError(
            f"{name}: found entries {found}; expected {sorted(targets)}. {OTHER_RUN}"
        )
    for key, target in targets.items():
        load_tensor(target, saved[key], f"{name}.{key}")


def check_range(values: Tensor, low: float, high: float, name: str) -> None:
    """Raises: CheckpointError unless every number lies in [low, high]; NaN lies nowhere."""
    if not bool(((values >= low) & (values <= high)).all()):
        raise CheckpointError(f"{name}: found numbers outside [{low}, {high}]. {OTHER_RUN}")


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


def optimizer_state(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """What the optimiser remembers of each of its parameters.

    Its settings are no part of it: the spec says them, and the learning rate follows from the
    number of updates.
    """
    return [
        {name: value.detach().clone() for name, value in optimizer.state.get(p, {}).items()}
        for p in parameters_of(optimizer)
    ]


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Any, name: str) -> None:
    """Take up what `optimizer_state` gave.

    Raises: CheckpointError if it belongs to an optimiser of another kind or network.
    """
    parameters = parameters_of(optimizer)
    for parameter, slot in zip(
        parameters, load_list(saved, len(parameters), len(parameters), name), strict=True
    ):
        if not slot:
            optimizer.state.pop(parameter, None)
            continue
        wanted = {
            key: torch.zeros((), device="cpu") if key == "step" else torch.zeros_like(parameter)
            for key in SLOTS[type(optimizer).__name__]
        }
        load_tensors(wanted, slot, name)
        if "step" in wanted:
            check_range(wanted["step"], 1.0, 1e12, f"{name}.step")
            if optimizer.param_groups[0].get("fused"):
                wanted["step"] = wanted["step"].to(parameter.device)
        optimizer.state[parameter] = wanted


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def spell(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {value.dtype}"
    return f"a {type(value).__name__}"
