"""Checkpoints: an inference file to take home, a training file to go on from.

Both are one safetensors file each, with a JSON header that says what the numbers are and a
digest over all of it. Nothing in them is code and reading them executes none: no pickle, and
so nothing for `weights_only` to guard. The digest finds damage, not forgery; who wrote a file
is known by its sha256, which `save_...` returns and the registry keeps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.brains import BrainSpec, CompiledBrain, blueprint
from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.layout import ObservationLayout
from hamlet.runspec import RunSpec
from hamlet.schema import (
    Choice,
    ListOf,
    Reader,
    Section,
    Text,
    content_hash,
    describe,
    validate,
)
from hamlet.state_tree import put_together, take_apart
from hamlet.tensor_file import SavedFile, read_json, read_tensor_file, write_tensor_file

INFERENCE = "inference_v1"
TRAINING = "training_v1"
HEADER = "header"
STATE = "state"
FORMAT = "format_version"
NETWORK_KEY = "network"  # where a trainer's state keeps its online network


class Checkpoint(NamedTuple):
    """A verified file. `form` is None but for a training checkpoint: its tree without tensors."""

    format_version: str
    header: dict[str, Any]
    tensors: dict[str, Tensor]
    form: Any = None


class _PlainData(Reader):
    """Anything JSON holds; read by whoever knows more."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        return value


def _mapping() -> Reader:
    class Mapped(_PlainData):
        def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
            if not isinstance(value, Mapping):
                problems.append(Problem(path, f"found {describe(value)}; expected a mapping"))
            return value

    return Mapped()


_MODEL_FIELDS = {
    "brain_spec": _mapping(),
    "brain_spec_hash": Text(),
    "layout": _mapping(),
    "layout_hash": Text(),
    "action_names": ListOf(Text(), longest=4096),
    "adapter": Text(None, optional=True),
    "metadata": _mapping(),
}
_INFERENCE_HEADER = Section(
    {FORMAT: Choice(INFERENCE), "created_at": Text(longest=40), **_MODEL_FIELDS}
)


def save_inference(
    path: str | Path,
    model: Any,
    metadata: Mapping[str, Any] | None = None,
    *,
    created_at: str | None = None,
) -> SavedFile:
    """Write what is needed to predict, and nothing else.

    Args:
        model: a HamletModel or a CompiledBrain.
        metadata: plain data about the making; None keeps what a HamletModel carries.
        created_at: ISO 8601; None takes the present. The same arguments give the same bytes.
    Raises: CheckpointError if the metadata is not plain or a weight is not finite.
    """
    if metadata is None:
        metadata = getattr(model, "metadata", {})
    weights = network_of(model).state_dict()
    _refuse_not_finite(weights, "this network")
    header = {
        FORMAT: INFERENCE,
        "created_at": _timestamp(created_at),
        **_model_header(model, metadata),
    }
    return write_tensor_file(path, weights, {FORMAT: INFERENCE, HEADER: _json(header, HEADER)})


def training_header(
    run_spec: RunSpec,
    model: Any,
    metadata: Mapping[str, Any] | None = None,
    *,
    weights_at: Sequence[str] = (NETWORK_KEY,),
) -> dict[str, Any]:
    """The header of a training checkpoint that HamletModel can load too.

    Args:
        model: a HamletModel or CompiledBrain of the run.
        weights_at: keys that lead through the trainer's state to the network's `state_dict()`.
    """
    return {
        "run_spec": run_spec.to_data(),
        "run_spec_hash": run_spec.hash,
        "weights_at": list(weights_at),
        **_model_header(model, metadata if metadata is not None else {}),
    }


def save_training(
    path: str | Path,
    state: Mapping[str, Any],
    header: Mapping[str, Any],
    *,
    created_at: str | None = None,
) -> SavedFile:
    """Write everything a run goes on from.

    Args:
        state: as `Trainer.state_dict` gives it: dict, list, tuple, tensor, text, number, bool
            and None. Tensors are saved from and loaded to the CPU.
        header: as `training_header` gives it, or plain data with at least `run_spec`.
    Raises: CheckpointError if a value cannot be kept, or if the header promises a network that
        is not in the state.
    """
    header = {**header, FORMAT: TRAINING, "created_at": _timestamp(created_at)}
    _check_run_spec(header, "header")
    if "brain_spec" in header:
        spec, layout = _read_model_header(header, "header")
        _check_weights(_network_state(state, header, "state"), blueprint(spec, layout), "state")
    form, tensors = take_apart(state)
    texts = {FORMAT: TRAINING, HEADER: _json(header, HEADER), STATE: _json(form, STATE)}
    return write_tensor_file(path, tensors, texts)


def read_checkpoint(source: str | Path | bytes) -> Checkpoint:
    """Read and verify a file of either kind.

    Raises: CheckpointError with the exact fault. Nothing is executed, and no more memory is
        taken than a small multiple of the file.
    """
    name = name_of(source)
    tensors, texts = read_tensor_file(source)
    kind = texts.get(FORMAT)
    expected = {INFERENCE: {FORMAT, HEADER}, TRAINING: {FORMAT, HEADER, STATE}}.get(kind or "")
    if expected is None:
        raise CheckpointError(
            f"{name}: found {FORMAT} {describe(kind)}; this hamlet reads {INFERENCE} and "
            f"{TRAINING}. A newer format needs a newer hamlet"
        )
    if set(texts) != expected:
        raise CheckpointError(f"{name}: the metadata must hold {', '.join(sorted(expected))}")
    try:
        header = read_json(texts[HEADER])
        form = read_json(texts[STATE]) if kind == TRAINING else None
    except ValueError as error:
        raise CheckpointError(f"{name}: the header is no valid JSON ({error})") from None
    if not isinstance(header, dict) or header.get(FORMAT) != kind:
        raise CheckpointError(f"{name}: the header does not say {FORMAT} {kind}")
    if kind == TRAINING:
        _check_run_spec(header, name)
    else:
        _named(name, lambda: validate(_INFERENCE_HEADER, header, HEADER))
    return Checkpoint(kind, header, tensors, form)


def load_training(source: str | Path | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns: (state as it was saved, header).

    Raises: CheckpointError with the exact fault, or if this is an inference checkpoint.
    """
    name = name_of(source)
    checkpoint = read_checkpoint(source)
    if checkpoint.format_version != TRAINING:
        raise CheckpointError(
            f"{name}: this is an inference checkpoint; a run goes on from a training checkpoint"
        )
    state = put_together(checkpoint.form, checkpoint.tensors)
    if not isinstance(state, dict):
        raise CheckpointError(f"{name}: the state is {describe(state)}; expected a mapping")
    return state, checkpoint.header


def load_network(
    source: str | Path | bytes, layout: ObservationLayout | None = None
) -> tuple[CompiledBrain, dict[str, Any]]:
    """The network of a checkpoint of either kind, on the CPU, in evaluation mode.

    Args:
        layout: what the network is to be used with; another one in the file is refused.
    Returns: (network, header).
    Raises: CheckpointError with the exact fault.
    """
    name = name_of(source)
    checkpoint = read_checkpoint(source)
    header, weights = checkpoint.header, checkpoint.tensors
    if checkpoint.format_version == TRAINING:
        if "brain_spec" not in header:
            raise CheckpointError(f"{name}: this training checkpoint says of no network")
        state = put_together(checkpoint.form, checkpoint.tensors)
        # A copy, or the few weights would keep the whole file in memory.
        found = _network_state(state, header, name)
        weights = {key: value.clone() for key, value in found.items()}
    spec, own_layout = _read_model_header(header, name)
    if layout is not None and layout.hash != own_layout.hash:
        raise CheckpointError(
            f"{name}: made for another observation: {'; '.join(own_layout.differences(layout))} "
            "(the file's against yours)"
        )
    network = _named(name, lambda: blueprint(spec, own_layout))
    _check_weights(weights, network, name)
    network.load_state_dict(weights, assign=True)
    network.seed_dropout(torch.Generator().manual_seed(0))
    return network.eval(), header


def network_of(model: Any) -> CompiledBrain:
    return model if isinstance(model, CompiledBrain) else model.network


def name_of(source: str | Path | bytes) -> str:
    return Path(source).name if isinstance(source, str | Path) else "checkpoint"


def _timestamp(created_at: str | None) -> str:
    if created_at is None:
        return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        datetime.fromisoformat(created_at)
    except ValueError:
        raise CheckpointError(f"created_at: found {created_at!r}; expected ISO 8601") from None
    return created_at


def _json(data: Any, label: str) -> str:
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{label}: only plain, finite data can be kept ({error})") from None


def _model_header(model: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    network = network_of(model)
    return {
        "brain_spec": network.spec.data,
        "brain_spec_hash": network.spec.hash,
        "layout": network.layout.to_data(),
        "layout_hash": network.layout.hash,
        "action_names": list(network.layout.actions),
        "adapter": getattr(model, "adapter", network.spec.family.adapter),
        "metadata": dict(metadata),
    }


def _named(name: str, read: Callable[[], Any]) -> Any:
    """A fault in a document inside a file is a fault of the file."""
    try:
        return read()
    except SpecError as error:
        raise CheckpointError(f"{name}: {error}") from None


def _check_run_spec(header: Mapping[str, Any], name: str) -> None:
    run_spec = _named(name, lambda: RunSpec.from_data(header.get("run_spec")))
    found = header.get("run_spec_hash", run_spec.hash)
    if found != run_spec.hash:
        raise CheckpointError(
            f"{name}: run_spec_hash is {describe(found)}; its run spec hashes to {run_spec.hash}"
        )


def _read_model_header(header: Mapping[str, Any], name: str) -> tuple[BrainSpec, ObservationLayout]:
    fields = {key: header[key] for key in _MODEL_FIELDS if key in header}
    _named(name, lambda: validate(Section(_MODEL_FIELDS), fields, HEADER))
    for document in ("brain_spec", "layout"):
        expected = content_hash(header[document])
        if header[f"{document}_hash"] != expected:
            raise CheckpointError(
                f"{name}: {document}_hash is {describe(header[f'{document}_hash'])}; its "
                f"{document} hashes to {expected}"
            )
    spec = _named(name, lambda: BrainSpec.from_data(header["brain_spec"]))
    layout = _named(name, lambda: ObservationLayout.from_data(header["layout"]))
    for document, read in (("brain_spec", spec), ("layout", layout)):
        if read.hash != header[f"{document}_hash"]:
            raise CheckpointError(
                f"{name}: the {document} is not written out in full; it would hash to {read.hash}"
            )
    if header["action_names"] != list(layout.actions):
        raise CheckpointError(f"{name}: action_names differ from the actions of the layout")
    return spec, layout


def _network_state(state: Any, header: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    keys = header.get("weights_at", [NETWORK_KEY])
    for key in keys:
        state = state.get(key) if isinstance(state, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{name}: no weights at {'.'.join(map(str, keys))}")
    return dict(state)


def _check_weights(weights: Mapping[str, Tensor], network: CompiledBrain, name: str) -> None:
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
    _refuse_not_finite(weights, name)


def _refuse_not_finite(weights: Mapping[str, Tensor], name: str) -> None:
    for key, tensor in weights.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name}: {key} holds NaN or infinite numbers; it cannot be used")
