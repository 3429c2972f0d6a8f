"""What a model takes and gives, by name: the contract between a model and whoever asks it.

A Signature is plain data: it goes into answers of the API, and another engine can build its
requests from it. `check_inputs` turns a stranger's numbers into tensors or says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from hamlet.errors import InputError, Problem, SpecError
from hamlet.json_documents import read_json
from hamlet.layout import ObservationLayout
from hamlet.schema import (
    Choice,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Section,
    Text,
    Unread,
    content_hash,
    hint,
    join,
    validate,
)
from hamlet.tensor_inputs import DTYPES, MOST_PROBLEMS, BoundShape, read_tensor

MOST_ROWS = 4096  # of a small network; `hamlet.request_memory` says of any
BATCH = -1


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor.

    Attributes:
        dtype: float32, int64 or bool.
        shape: BATCH (-1) where the batch size stands, exactly once.
        optional: may be left out.
        together_with: name of an input that must come with this one.
        some_true: every row of a bool tensor needs at least one true.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    optional: bool = False
    together_with: str | None = None
    some_true: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES or self.shape.count(BATCH) != 1:
            message = f"found {self.dtype} {list(self.shape)}; expected one -1, for the batch"
            raise SpecError([Problem(f"signature.{self.name}", message)])

    @property
    def batch_axis(self) -> int:
        """Where requests are joined to one batch."""
        return self.shape.index(BATCH)

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "optional": self.optional,
            "together_with": self.together_with,
            "some_true": self.some_true,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> TensorSpec:
        return cls(**{**data, "shape": tuple(data["shape"])})


_NAME = Text(pattern=r"[a-z][a-z0-9_]{0,39}", shape="a name")
# Tensors of a model made elsewhere keep their names, as in `input.1` or `onnx::Gemm_7`.
_TENSOR_NAME = Text(pattern=r"[A-Za-z_][A-Za-z0-9_.:/-]{0,99}", shape="a name")
_TENSORS = ListOf(
    Section(
        {
            "name": _TENSOR_NAME,
            "dtype": Choice(*DTYPES),
            "shape": ListOf(Integer(BATCH, 10**9), shortest=1, longest=8),
            "optional": Flag(False),
            "together_with": Text(None, optional=True),
            "some_true": Flag(False),
        }
    ),
    shortest=1,
)
SIGNATURE_SCHEMA = Section(
    {
        "inputs": _TENSORS,
        "outputs": _TENSORS,
        "layout": Unread(default=None, optional=True),  # ObservationLayout reads it
        "action_names": ListOf(Text(), longest=4096),
        "adapter": Text(None, optional=True),
        "hashes": MapOf(_NAME, Text()),
        "most_rows": Integer(1, 10**6, MOST_ROWS),
    }
)


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a model.

    Attributes:
        layout: what each number of `observation` means; None for models without one.
        action_names: what each entry of `q_values` and each action number means.
        adapter: the system whose own request form can be turned into these inputs, if any.
        hashes: of what the model was made from: `brain_spec`, `layout`.
        most_rows: largest batch that a server answers at once; the larger the network, the fewer.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layout: ObservationLayout | None = None
    action_names: tuple[str, ...] = ()
    adapter: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    most_rows: int = MOST_ROWS

    @property
    def hash(self) -> str:
        """Equal for models that can stand in for each other, row by row: it leaves `hashes` and
        `most_rows` out."""
        return content_hash(replace(self, hashes={}, most_rows=MOST_ROWS).to_data())

    def input(self, name: str) -> TensorSpec | None:
        return next((spec for spec in self.inputs if spec.name == name), None)

    def to_data(self) -> dict[str, Any]:
        return {
            "inputs": [spec.to_data() for spec in self.inputs],
            "outputs": [spec.to_data() for spec in self.outputs],
            "layout": self.layout.to_data() if self.layout else None,
            "action_names": list(self.action_names),
            "adapter": self.adapter,
            "hashes": dict(self.hashes),
            "most_rows": self.most_rows,
        }

    @classmethod
    def from_data(cls, data: Any) -> Signature:
        """Raises: SpecError naming every fault."""
        read = validate(SIGNATURE_SCHEMA, data, "signature")
        layout = read["layout"]
        return cls(
            inputs=tuple(TensorSpec.from_data(spec) for spec in read["inputs"]),
            outputs=tuple(TensorSpec.from_data(spec) for spec in read["outputs"]),
            layout=None if layout is None else ObservationLayout.from_data(layout),
            action_names=tuple(read["action_names"]),
            adapter=read["adapter"],
            hashes=read["hashes"],
            most_rows=read["most_rows"],
        )

    def to_json(self) -> str:
        return json.dumps(self.to_data())

    @classmethod
    def from_json(cls, text: str) -> Signature:
        """Raises: SpecError naming every fault."""
        try:
            data = read_json(text)
        except ValueError as error:
            raise SpecError([Problem("signature", f"not valid JSON: {error}")]) from None
        return cls.from_data(data)

    def check_inputs(self, inputs: Any, *, most_rows: int | None = None) -> dict[str, Tensor]:
        """Turn lists, arrays or tensors by input name into tensors of the right type and shape.

        Floats of other widths are converted; nothing else is. No input is changed.

        Args: most_rows: largest batch; None for any, in one's own program.
        Returns: the given inputs, in the order of the signature.
        Raises: InputError naming what is missing, unknown, ragged, of another length, type or
            batch size, not finite, or a mask without any legal action.
        """
        if not isinstance(inputs, Mapping):
            known = ", ".join(spec.name for spec in self.inputs)
            raise InputError([Problem("inputs", f"expected a mapping with {known}")])
        problems = self._misnamed(inputs)
        tensors: dict[str, Tensor] = {}
        for spec in self.inputs:
            if inputs.get(spec.name) is not None:
                bound = BoundShape(spec.shape, most_rows, self._meaning(spec))
                tensor = self._read(spec, inputs[spec.name], bound, problems)
                if tensor is not None:
                    tensors[spec.name] = tensor
        if not problems:
            problems += self._mismatched(tensors)
        if problems:
            raise InputError(problems[:MOST_PROBLEMS])
        return tensors

    def _misnamed(self, inputs: Mapping[Any, Any]) -> list[Problem]:
        known = [spec.name for spec in self.inputs]
        problems = [
            Problem(
                join("", name),
                f"unknown input; expected one of {', '.join(known)}{hint(name, known)}",
            )
            for name in list(inputs)[:MOST_PROBLEMS]
            if name not in known
        ]
        for spec in self.inputs:
            given = inputs.get(spec.name) is not None
            if not given and not spec.optional:
                problems.append(
                    Problem(spec.name, f"missing; expected {spec.dtype} {spell(spec.shape)}")
                )
            if given and spec.together_with and inputs.get(spec.together_with) is None:
                problems.append(
                    Problem(spec.together_with, f"missing; {spec.name} came without it")
                )
        return problems

    def _read(
        self, spec: TensorSpec, value: Any, bound: BoundShape, problems: list[Problem]
    ) -> Tensor | None:
        tensor = read_tensor(value, spec.name, spec.dtype, bound, problems)
        if tensor is not None and spec.some_true:
            rows = tensor.movedim(spec.batch_axis, 0).flatten(1).any(dim=1)
            for row in (~rows).nonzero().flatten().tolist()[:MOST_PROBLEMS]:
                message = "all false; at least one action must be legal (true)"
                problems.append(Problem(f"{spec.name}[{row}]", message))
        return tensor

    def _meaning(self, spec: TensorSpec) -> str:
        """What the last axis counts, for the message about a wrong length."""
        if self.layout is not None and spec.name == "observation":
            parts = ", ".join(f"{group.name} {group.size}" for group in self.layout.groups)
            return f" ({parts})"
        if spec.dtype == "bool" and spec.shape[-1] == len(self.action_names):
            return f" ({', '.join(self.action_names)})"
        return ""

    def _mismatched(self, tensors: Mapping[str, Tensor]) -> list[Problem]:
        sizes = {
            spec.name: tensors[spec.name].shape[spec.batch_axis]
            for spec in self.inputs
            if spec.name in tensors
        }
        first, *others = sizes
        return [
            Problem(name, f"found a batch of {sizes[name]}; {first} has a batch of {sizes[first]}")
            for name in others
            if sizes[name] != sizes[first]
        ]


def spell(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join("batch" if size == BATCH else str(size) for size in shape) + "]"
