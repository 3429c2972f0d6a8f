"""What the header of a checkpoint says of its network and its run, and whether that holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hamlet.brains import BrainSpec, CompiledBrain
from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.layout import ObservationLayout
from hamlet.runspec import RunSpec
from hamlet.schema import (
    Choice,
    ListOf,
    Reader,
    Section,
    Text,
    Unread,
    content_hash,
    describe,
    join,
    validate,
)

if TYPE_CHECKING:
    from hamlet.model import HamletModel

INFERENCE = "inference_v1"
TRAINING = "training_v1"
FORMAT = "format_version"
HEADER = "header"


class _Moment(Reader):
    """A time as ISO 8601 writes it."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not is_moment(value):
            problems.append(Problem(path, f"found {describe(value)}; expected ISO 8601"))
        return value


class _Plain(Unread):
    """Free plain data; JSON has no NaN, but 1e999 is read as infinite."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        before = len(problems)
        super().read(value, path, problems)
        if len(problems) == before and (here := place_of_infinity(value, path)):
            problems.append(Problem(here, "found a number that is not finite"))
        return value


MODEL_FIELDS: dict[str, Reader] = {
    "brain_spec": Unread(Mapping, "a mapping"),
    "brain_spec_hash": Text(),
    "layout": Unread(Mapping, "a mapping"),
    "layout_hash": Text(),
    "action_names": ListOf(Text(), longest=4096),
    "adapter": Text(optional=True),
    "metadata": _Plain(Mapping, "a mapping"),
}
INFERENCE_HEADER = Section({FORMAT: Choice(INFERENCE), "created_at": _Moment(), **MODEL_FIELDS})
# A training checkpoint may say more; its model fields are checked where a model is asked for.
TRAINING_FIELDS: dict[str, Reader] = {
    FORMAT: Choice(TRAINING),
    "created_at": _Moment(),
    "run_spec": Unread(Mapping, "a mapping"),
    "run_spec_hash": Text(),
}


def is_moment(value: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def place_of_infinity(value: Any, path: str) -> str | None:
    """The path of the first number in plain data that is not finite."""
    if isinstance(value, float):
        return None if math.isfinite(value) else path
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        items = ((join(path, key), item) for key, item in value.items())
    elif isinstance(value, list):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    found = (place_of_infinity(item, here) for here, item in items)
    return next((here for here in found if here is not None), None)


def check_training_header(header: Mapping[str, Any], name: str) -> None:
    """Raises: CheckpointError naming every field that is missing or wrong."""
    fields = {key: header[key] for key in TRAINING_FIELDS if key in header}
    as_fault_of(name, lambda: validate(Section(TRAINING_FIELDS), fields, HEADER))
    check_run_spec(header, name)


def network_of(model: HamletModel | CompiledBrain) -> CompiledBrain:
    return model if isinstance(model, CompiledBrain) else model.network


def model_header(
    model: HamletModel | CompiledBrain, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The fields that say what a network is; metadata None keeps what a HamletModel carries."""
    network = network_of(model)
    if metadata is None:
        metadata = getattr(model, "metadata", {})
    return {
        "brain_spec": network.spec.data,
        "brain_spec_hash": network.spec.hash,
        "layout": network.layout.to_data(),
        "layout_hash": network.layout.hash,
        "action_names": list(network.layout.actions),
        "adapter": getattr(model, "adapter", network.spec.family.adapter),
        "metadata": dict(metadata),
    }


def read_model_header(header: Mapping[str, Any], name: str) -> tuple[BrainSpec, ObservationLayout]:
    """Raises: CheckpointError if a field, a hash or the action names do not hold."""
    fields = {key: header[key] for key in MODEL_FIELDS if key in header}
    as_fault_of(name, lambda: validate(Section(MODEL_FIELDS), fields, HEADER))
    for document in ("brain_spec", "layout"):
        found, expected = header[f"{document}_hash"], content_hash(header[document])
        if found != expected:
            raise CheckpointError(
                f"{name}: {document}_hash is {describe(found)}; its {document} hashes to {expected}"
            )
    spec = as_fault_of(name, lambda: BrainSpec.from_data(header["brain_spec"]))
    layout = as_fault_of(name, lambda: ObservationLayout.from_data(header["layout"]))
    for document, read in (("brain_spec", spec), ("layout", layout)):
        if read.hash != header[f"{document}_hash"]:
            raise CheckpointError(
                f"{name}: the {document} is not written out in full; it would hash to {read.hash}"
            )
    if header["action_names"] != list(layout.actions):
        raise CheckpointError(f"{name}: action_names differ from the actions of the layout")
    return spec, layout


def check_run_spec(header: Mapping[str, Any], name: str) -> RunSpec:
    """Raises: CheckpointError if the run spec is missing or its hash is another."""
    run_spec = as_fault_of(name, lambda: RunSpec.from_data(header.get("run_spec")))
    found = header.get("run_spec_hash")
    if found != run_spec.hash:
        raise CheckpointError(
            f"{name}: run_spec_hash is {describe(found)}; its run spec hashes to {run_spec.hash}"
        )
    return run_spec


def check_weights(weights: Mapping[str, Tensor], network: CompiledBrain, name: str) -> None:
    """Raises: CheckpointError unless every name, shape and type is that of the network, and
    every number finite. The network may stand on the meta device."""
    expected = network.state_dict()
    missing, unknown = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
    if missing or unknown:
        raise CheckpointError(
            f"{name}: the weights are not those of its brain spec: missing "
            f"{', '.join(missing[:8]) or 'none'}; unknown "
            f"{', '.join(describe(key) for key in unknown[:8]) or 'none'}"
        )
    for key, tensor in weights.items():
        wanted = expected[key]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise CheckpointError(
                f"{name}: {key} is {tensor.dtype} {list(tensor.shape)}; its brain spec needs "
                f"{wanted.dtype} {list(wanted.shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name}: {key} holds NaN or infinite numbers; it cannot be used")


def find_weights(state: Any, network: CompiledBrain) -> list[str]:
    """Keys that lead through a trainer's state to the weights of `network`.

    Raises: CheckpointError if they are not there.
    """
    wanted = {name: tensor.cpu() for name, tensor in network.state_dict().items()}

    def search(node: Any, keys: list[str]) -> list[str] | None:
        if not isinstance(node, Mapping):
            return None
        if node.keys() == wanted.keys() and all(
            isinstance(node[name], Tensor) and torch.equal(node[name].cpu(), tensor)
            for name, tensor in wanted.items()
        ):
            return keys
        found = (search(value, [*keys, key]) for key, value in node.items())
        return next((path for path in found if path is not None), None)

    keys = search(state, [])
    if keys is None:
        raise CheckpointError("the trainer's state does not hold the weights of its model")
    return keys


def weights_at(state: Any, keys: Any, name: str) -> dict[str, Tensor]:
    """The mapping of tensors that `keys` lead to. Raises: CheckpointError if there is none."""
    keys = keys if isinstance(keys, list) else []
    for key in keys:
        state = state.get(key) if isinstance(state, Mapping) and isinstance(key, str) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{name}: no weights at {'.'.join(map(str, keys)) or 'the root'}")
    return dict(state)


def as_fault_of(name: str, read: Callable[[], Any]) -> Any:
    """A fault in a document inside a file is a fault of the file."""
    try:
        return read()
    except SpecError as error:
        raise CheckpointError(f"{name}: {error}") from None
