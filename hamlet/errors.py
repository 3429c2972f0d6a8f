"""What can go wrong in the library, in the words of the person who has to mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class HamletError(Exception):
    """Base of every error the library raises on purpose."""


class ShapeError(HamletError, ValueError):
    """A tensor or list has another shape than the model, layout or function expects."""


class Problem(NamedTuple):
    """One thing wrong with a document: where, and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class SpecError(HamletError, ValueError):
    """A document (brain spec, level pack, run spec, request) breaks its schema.

    `problems` names every fault found, not only the first.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TrainingDivergedError(HamletError):
    """A loss or its gradient is no longer a finite number.

    Attributes:
        epoch, batch_number: where, counted from 1. batch: what was learned from, plain tensors by
            name, kept for inspection.
    """

    def __init__(
        self, message: str, *, epoch: int, batch_number: int, batch: Mapping[str, Any]
    ) -> None:
        self.epoch, self.batch_number, self.batch = epoch, batch_number, dict(batch)
        super().__init__(f"epoch {epoch}, batch {batch_number}: {message}")


class CheckpointError(HamletError):
    """A checkpoint file is damaged, hostile, or was made for something else."""


class InputError(SpecError, ShapeError):
    """The inputs of a prediction do not fit the model's signature.

    `problems` names each by input and place, as in `observation[3][17]`.
    """


def attempt(problems: list[Problem], read: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `read`; None, with its faults added to `problems`, if it refuses."""
    try:
        return read(*arguments)
    except SpecError as error:
        problems += error.problems
        return None
