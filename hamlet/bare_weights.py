"""Plain weights and a brain spec become an inference checkpoint.

For nets that were trained elsewhere: a safetensors file of nothing but tensors says what the
numbers are, the brain spec says what they are of, and the layout what they look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hamlet.brains import BrainSpec, blueprint
from hamlet.checkpoint import FIELDS, inference_bytes
from hamlet.checkpoint_header import FORMAT, check_weights
from hamlet.errors import CheckpointError, Problem, SpecError, attempt
from hamlet.layout import ObservationLayout
from hamlet.schema import describe
from hamlet.tensor_file import read_bare_tensors
from hamlet.tensor_header import LENGTH_BYTES, header_length, parse_header

NAME = "weights"


def checkpoint_from_weights(
    weights: bytes,
    brain_yaml: str | bytes,
    layout_data: Any,
    metadata: Mapping[str, Any] | None = None,
    *,
    created_at: str | None = None,
) -> bytes:
    """The bytes of an inference checkpoint, as `save_inference` would write them.

    Args:
        weights: a safetensors file. Its names and shapes are those of the network's state_dict.
        brain_yaml: what the network is. layout_data: what it observes, as
            `ObservationLayout.to_data` gives it.
        metadata: plain data about the making.
        created_at: ISO 8601; None takes the present.
    Raises: SpecError naming every fault of brain spec and layout; CheckpointError if the file is
        damaged, if weights are missing, unknown, of another shape or type, or not finite.
    """
    tensors, texts = read_bare_tensors(weights, NAME)
    if texts.get(FORMAT) in FIELDS:
        raise CheckpointError(
            f"{NAME}: this is a hamlet checkpoint, which says itself what it is; send it without a "
            "brain spec"
        )
    problems: list[Problem] = []
    spec = attempt(problems, BrainSpec.from_yaml, brain_yaml)
    layout = attempt(problems, _layout, layout_data)
    if problems:
        raise SpecError(problems)
    network = blueprint(spec, layout)
    check_weights(tensors, network, NAME)
    network.load_state_dict(tensors, assign=True)
    return inference_bytes(network.eval(), metadata, created_at=created_at)


def is_bare(path: Path) -> bool:
    """Whether a file is safetensors that does not say what network it is of. False for whatever is
    no safetensors at all. Only its header is read.

    Raises: CheckpointError if the header is damaged.
    """
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES + 1)
        if start[LENGTH_BYTES:] != b"{" or start.startswith(b"\x80"):
            return False
        length = header_length(start, path.stat().st_size, NAME)
        file.seek(LENGTH_BYTES)
        texts, _ = parse_header(file.read(length), NAME)
    return texts.get(FORMAT) not in FIELDS


def _layout(data: Any) -> ObservationLayout:
    if not isinstance(data, Mapping):
        message = f"found {describe(data)}; expected a mapping, as a model's signature shows it"
        raise SpecError([Problem("layout", message)])
    return ObservationLayout.from_data(data)
