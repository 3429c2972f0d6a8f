"""Try a model before it is trusted: does it do what its signature says, and how fast?"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.answering import Model, sizes_of
from hamlet.errors import CheckpointError, InputError, Problem
from hamlet.parity import Difference, difference
from hamlet.request_memory import ANSWER_BYTES, FLOAT_BYTES, MOST_REQUEST_BYTES
from hamlet.sample_inputs import random_inputs, required_only, row, zero_inputs
from hamlet.signature import Signature

MOST_CHECKED_ROWS = 32
BATCH_TOLERANCE = 1e-5  # relative; a row answered in a batch against the same row alone
TIMED_RUNS = 25
MOST_TIMED_S = 0.5  # for each batch size
COMPARED_ROWS = 8


class ModelCheckError(CheckpointError):
    """A model that loads, and does not do what its signature says.

    `problems` names each output or input at fault.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class CheckReport:
    """What was found of a model that passed.

    Attributes:
        batch_sizes: it was asked with. p50_us: median microseconds of one call, by batch size.
        batch_difference: largest relative difference of a row in a batch to the same row alone.
        parameter_count: learned numbers. weight_bytes: of memory that they take.
        memory_bytes: estimate of what a server needs, weights and one request of `most_rows`.
        outputs: shape of each for the larger batch.
    """

    batch_sizes: tuple[int, ...]
    p50_us: Mapping[int, float]
    batch_difference: float
    parameter_count: int
    weight_bytes: int
    memory_bytes: int
    most_rows: int
    outputs: Mapping[str, tuple[int, ...]]

    def to_data(self) -> dict[str, Any]:
        return {
            "batch_sizes": list(self.batch_sizes),
            "p50_us": {str(rows): round(value, 1) for rows, value in self.p50_us.items()},
            "batch_difference": self.batch_difference,
            "parameter_count": self.parameter_count,
            "weight_bytes": self.weight_bytes,
            "memory_bytes": self.memory_bytes,
            "most_rows": self.most_rows,
            "outputs": {name: list(shape) for name, shape in self.outputs.items()},
        }


def check_model(model: Model, *, seed: int = 0) -> CheckReport:
    """Run a model on zeros and on random input, one row and several, and time it.

    Args: seed: of the random input.
    Raises: ModelCheckError naming outputs that are missing, of another type or shape, not finite,
        that change when the same is asked again, or that depend on the other rows of a batch.
    """
    signature = model.signature()
    larger = max(1, min(MOST_CHECKED_ROWS, signature.most_rows))
    generator = torch.Generator().manual_seed(seed)
    worst = Difference()
    outputs: Mapping[str, Tensor] = {}
    for rows in sorted({1, larger}):
        drawn = random_inputs(signature, rows, generator)
        for label, inputs in (
            ("zeros", zero_inputs(signature, rows)),
            ("random input", drawn),
            ("random input without what is optional", required_only(signature, drawn)),
        ):
            where = f"{label}, batch of {rows}"
            outputs = _ask(model, inputs, rows, where)
            _compare_again(model, inputs, outputs, where)
            worst = worst.larger(_compare_rows(model, inputs, outputs, rows))
    return CheckReport(
        batch_sizes=tuple(sorted({1, larger})),
        p50_us={rows: _time(model, rows, generator) for rows in sorted({1, larger})},
        batch_difference=worst.relative,
        parameter_count=model.parameter_count,
        weight_bytes=model.weight_bytes,
        memory_bytes=model.weight_bytes + _request_bytes(signature),
        most_rows=signature.most_rows,
        outputs={name: tuple(tensor.shape) for name, tensor in outputs.items()},
    )


def _ask(model: Model, inputs: dict[str, Tensor], rows: int, where: str) -> dict[str, Tensor]:
    """Checked by the signature, then answered; every output looked at."""
    try:
        outputs = model.run(inputs)
    except InputError as error:
        problems = [Problem(where, f"cannot be answered: {fault}") for fault in error.problems]
        raise ModelCheckError(problems) from None
    problems = []
    for spec in model.signature().outputs:
        if spec.name not in outputs:
            problems.append(Problem(spec.name, f"missing from the answer to {where}"))
            continue
        tensor = outputs[spec.name]
        dtype, shape = str(tensor.dtype).removeprefix("torch."), list(tensor.shape)
        if dtype != spec.dtype or shape != sizes_of(spec, rows):
            message = (
                f"found {dtype} {shape} for {where}; its signature says {spec.dtype} "
                f"{sizes_of(spec, rows)}"
            )
            problems.append(Problem(spec.name, message))
        elif tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            problems.append(Problem(spec.name, f"not finite for {where}"))
    problems += [
        Problem(name, "not in its signature")
        for name in outputs
        if name not in {spec.name for spec in model.signature().outputs}
    ]
    problems += _out_of_range(model.signature(), outputs)
    if problems:
        raise ModelCheckError(problems)
    return outputs


def _out_of_range(signature: Signature, outputs: Mapping[str, Tensor]) -> list[Problem]:
    """An action needs a name, or the answer of a server would have none."""
    actions, count = outputs.get("actions"), len(signature.action_names)
    if not count or actions is None or actions.dtype != torch.int64 or not actions.numel():
        return []
    low, high = int(actions.min()), int(actions.max())
    if low >= 0 and high < count:
        return []
    return [Problem("actions", f"found {low} to {high}; expected 0 to {count - 1}")]


def _compare_again(
    model: Model, inputs: dict[str, Tensor], outputs: Mapping[str, Tensor], where: str
) -> None:
    again = model.run(inputs)
    problems = [
        Problem(name, f"another answer to the same {where}; expected no randomness and no memory")
        for name, tensor in outputs.items()
        if not torch.equal(tensor, again[name])
    ]
    if problems:
        raise ModelCheckError(problems)


def _compare_rows(
    model: Model, inputs: dict[str, Tensor], outputs: Mapping[str, Tensor], rows: int
) -> Difference:
    signature = model.signature()
    axes = {spec.name: spec.batch_axis for spec in signature.outputs}
    worst = Difference()
    for index in range(min(rows, COMPARED_ROWS)):
        alone = model.run(row(signature, inputs, index))
        together = {name: tensor.narrow(axes[name], index, 1) for name, tensor in outputs.items()}
        apart = difference(alone, together, close=BATCH_TOLERANCE)
        if apart.relative > BATCH_TOLERANCE or apart.choices:
            message = (
                f"row {index} of a batch of {rows} is answered otherwise than alone: relative "
                f"difference {apart.relative:.1e}, {apart.choices} actions; expected at most "
                f"{BATCH_TOLERANCE:.0e}, since a server answers several requests in one batch"
            )
            raise ModelCheckError([Problem("outputs", message)])
        worst = worst.larger(apart)
    return worst


def _time(model: Model, rows: int, generator: torch.Generator) -> float:
    """Median microseconds of one call."""
    inputs = random_inputs(model.signature(), rows, generator)
    took: list[float] = []
    while len(took) < TIMED_RUNS and sum(took) < MOST_TIMED_S:
        started = time.perf_counter()
        model.run_checked(inputs)
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e6


def _request_bytes(signature: Signature) -> int:
    """`most_rows` is chosen so that a request stays within its bound; inputs come on top."""
    row_bytes = sum(FLOAT_BYTES * abs(math.prod(spec.shape)) for spec in signature.inputs)
    row_bytes += sum(ANSWER_BYTES * abs(math.prod(spec.shape)) for spec in signature.outputs)
    return min(MOST_REQUEST_BYTES, signature.most_rows * row_bytes)
