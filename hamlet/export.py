"""Models for other engines: ONNX and TorchScript, each compared with the original before it counts.

Both forms take every input of the signature, in its order and by its names, with a free batch
size. What is optional for HamletModel is not for them: send true for an action mask where all is
legal, and zeros for the hidden state of a fresh episode. All outputs of the signature come back.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hamlet.answering import completed, sizes_of
from hamlet.brains import CompiledBrain
from hamlet.durability import write_whole
from hamlet.errors import HamletError, InputError
from hamlet.model import HamletModel
from hamlet.parity import Difference, difference
from hamlet.sample_inputs import row, trials, zero_inputs
from hamlet.sample_positions import takes_positions
from hamlet.signature import Signature

PARITY_GOAL = 1e-5  # relative
PARITY_LIMIT = 1e-4
PARITY_ROW = 1e-5  # a row of a batch of positions against the same row alone, absolute
COMPARED_ROWS = 64
PARITY_SEED = 0
TRACED_ROWS = 3  # neither 0 nor 1, which a tracer takes for a constant

Answer = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


class ExportError(HamletError):
    """A model cannot be written for another engine, or does not answer the same there."""


class ParityCase(NamedTuple):
    """`inputs`: as `hamlet.sample_inputs.Trial` names them; `alone` where the exported model was
    asked the rows of the batch before one by one, and is compared with itself."""

    inputs: str
    rows: int
    difference: Difference


@dataclass(frozen=True)
class Parity:
    """How far the exported model's answers lie from the original's, in every case tried."""

    cases: tuple[ParityCase, ...]

    @property
    def worst(self) -> Difference:
        whole = Difference()
        for case in self.cases:
            whole = whole.larger(case.difference)
        return whole

    @property
    def reaches_goal(self) -> bool:
        return self.worst.relative <= PARITY_GOAL and self.worst.choices == 0

    def __str__(self) -> str:
        rows = ", ".join(map(str, sorted({case.rows for case in self.cases})))
        return (
            f"parity over {len(self.cases)} cases (batches of {rows}): relative "
            f"{self.worst.relative:.1e}, absolute {self.worst.absolute:.1e}, "
            f"{self.worst.choices} actions differ; goal {PARITY_GOAL:.0e} "
            f"{'reached' if self.reaches_goal else 'missed'}, limit {PARITY_LIMIT:.0e}"
        )


@dataclass(frozen=True)
class ExportReport:
    """A file that is complete on disk and answers as the original does.

    Attributes:
        format: onnx or torchscript. sha256: of the file, in hex. opset: of ONNX, else None.
        seconds: that the export took, comparison included.
    """

    path: Path
    format: str
    size_bytes: int
    sha256: str
    parity: Parity
    seconds: float
    opset: int | None = None

    def to_data(self) -> dict[str, Any]:
        worst = self.parity.worst
        return {
            "file": self.path.name,
            "format": self.format,
            "opset": self.opset,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "seconds": round(self.seconds, 3),
            "parity": {
                "absolute": worst.absolute,
                "relative": worst.relative,
                "differing_choices": worst.choices,
                "goal": PARITY_GOAL,
                "limit": PARITY_LIMIT,
                "reaches_goal": self.parity.reaches_goal,
            },
        }

    def __str__(self) -> str:
        opset = f" (opset {self.opset})" if self.opset else ""
        return f"{self.path.name}: {self.format}{opset}, {self.size_bytes} bytes; {self.parity}"


class Positional(nn.Module):
    """A network that takes the inputs of its signature in order, and gives its outputs so."""

    def __init__(self, network: CompiledBrain, names: list[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.answer(dict(zip(self.names, tensors, strict=True))).values())


def export_onnx(model: HamletModel, path: str | Path) -> ExportReport:
    """Write an ONNX file (opset 18): float32, batch size free, the signature in its metadata.

    The same model gives the same bytes.

    Raises: ExportError if a package is missing or an answer differs by more than PARITY_LIMIT, and
        then `path` is not written; OSError if the disk refuses.
    """
    from hamlet.export_to_onnx import OPSET, onnx_bytes
    from hamlet.onnx_model import OnnxModel

    started = time.perf_counter()
    original = on_cpu(model)
    content = onnx_bytes(original)
    exported = OnnxModel.load_from_bytes(content, name=Path(path).name)
    if exported.signature().to_data() != _as_served(original, exported.signature()):
        raise ExportError("the exported graph has other inputs or outputs than the model")
    parity = measure_parity(original, exported.run_checked)
    _write(Path(path), content, parity, original.signature())
    return _report(Path(path), "onnx", content, parity, started=started, opset=OPSET)


def export_torchscript(model: HamletModel, path: str | Path) -> ExportReport:
    """Write a TorchScript file for C++ and for Python without hamlet: `torch.jit.load(path)`.

    It takes all inputs by position, in the order of the signature, and gives a tuple of all
    outputs. The signature is inside as the extra file `signature.json`.

    Raises: ExportError if an answer differs by more than PARITY_LIMIT, and then `path` is not
        written; OSError if the disk refuses.
    """
    from hamlet.export_to_torchscript import load_own_script, torchscript_bytes

    started = time.perf_counter()
    original = on_cpu(model)
    content = torchscript_bytes(original)
    script = load_own_script(content)
    names = [spec.name for spec in original.signature().outputs]

    def answer(tensors: dict[str, Tensor]) -> Mapping[str, Tensor]:
        whole = completed(original.signature(), tensors)
        return dict(zip(names, script(*whole.values()), strict=True))

    parity = measure_parity(original, answer)
    _write(Path(path), content, parity, original.signature())
    return _report(Path(path), "torchscript", content, parity, started=started)


def on_cpu(model: HamletModel) -> HamletModel:
    """A copy whose weights an exporter may touch."""
    return HamletModel(copy.deepcopy(model.network).cpu(), model.metadata, adapter=model.adapter)


def positional(model: HamletModel) -> Positional:
    return Positional(model.network, [spec.name for spec in model.signature().inputs]).eval()


def example_inputs(signature: Signature) -> tuple[Tensor, ...]:
    """All inputs in order, as an exporter traces them."""
    return tuple(zero_inputs(signature, TRACED_ROWS).values())


def measure_parity(model: HamletModel, answer: Answer) -> Parity:
    """Ask both the same: zeros, random numbers, and random numbers without the optional inputs; of
    a board 1,000 random positions and special ones, and a batch of 64 also row by row.

    Args: answer: the other engine, asked by name.
    Raises: ExportError if either cannot answer, if the shapes or types of the answers differ, or
        if a position is answered otherwise in a batch than alone.
    """
    signature = model.signature()
    generator = torch.Generator().manual_seed(PARITY_SEED)
    cases = []
    for label, rows, inputs in trials(signature, generator):
        try:
            expected, found = model.run_checked(inputs), answer(inputs)
        except InputError as error:
            raise ExportError(f"the answers to {label} cannot be compared: {error}") from None
        _check_shapes(signature, found, rows)
        cases.append(ParityCase(label, rows, difference(expected, found, close=PARITY_LIMIT)))
        if rows == COMPARED_ROWS and not any(case.inputs == "alone" for case in cases):
            cases.append(_ask_alone(signature, inputs, found, answer))
    return Parity(tuple(cases))


def _ask_alone(
    signature: Signature, inputs: dict[str, Tensor], found: Mapping[str, Tensor], answer: Answer
) -> ParityCase:
    singles = [answer(row(signature, inputs, index)) for index in range(COMPARED_ROWS)]
    joined = {
        spec.name: torch.cat([each[spec.name] for each in singles], dim=spec.batch_axis)
        for spec in signature.outputs
    }
    apart = difference(found, joined, close=PARITY_LIMIT)
    if apart.absolute > PARITY_ROW:
        raise ExportError(
            f"a batch of {COMPARED_ROWS} is answered otherwise than its rows alone: difference "
            f"{apart.absolute:.1e}; expected at most {PARITY_ROW:.0e}"
        )
    return ParityCase("alone", COMPARED_ROWS, apart)


def _check_shapes(signature: Signature, found: Mapping[str, Tensor], rows: int) -> None:
    for spec in signature.outputs:
        tensor = found[spec.name]
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype != spec.dtype or list(tensor.shape) != sizes_of(spec, rows):
            raise ExportError(
                f"exported {spec.name} is {dtype} {list(tensor.shape)} for a batch of {rows}; "
                f"expected {spec.dtype} {sizes_of(spec, rows)}"
            )


def _as_served(model: HamletModel, exported: Signature) -> dict[str, Any]:
    return {**model.signature().to_data(), "most_rows": exported.most_rows}


def _write(path: Path, content: bytes, parity: Parity, signature: Signature) -> None:
    worst = parity.worst
    apart = worst.relative
    if takes_positions(signature):  # its logits and values are of one size by nature
        apart = max(apart, worst.absolute)
    if not apart <= PARITY_LIMIT or worst.choices:
        raise ExportError(f"{path.name} was not written: {parity}")
    write_whole(path, content)


def _report(
    path: Path, form: str, content: bytes, parity: Parity, *, started: float, opset: int = 0
) -> ExportReport:
    return ExportReport(
        path=path,
        format=form,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        parity=parity,
        seconds=time.perf_counter() - started,
        opset=opset or None,
    )
