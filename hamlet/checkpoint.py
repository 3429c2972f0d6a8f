"""Checkpoints: an inference file to take home, a training file to go on from.

Both are one safetensors file each, with a JSON header that says what the numbers are and a
digest over all of it. Nothing in them is code and reading them executes none: no pickle, and
so nothing for `weights_only` to guard. The digest finds damage, not forgery; who wrote a file
is known by its sha256, which `save_...` returns and the registry keeps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from hamlet.brains import CompiledBrain, blueprint
from hamlet.checkpoint_header import (
    FORMAT,
    HEADER,
    INFERENCE,
    INFERENCE_HEADER,
    TRAINING,
    as_fault_of,
    check_run_spec,
    check_training_header,
    check_weights,
    find_weights,
    is_moment,
    model_header,
    network_of,
    read_model_header,
    weights_at,
)
from hamlet.errors import CheckpointError
from hamlet.json_documents import check_depth, read_json
from hamlet.layout import ObservationLayout
from hamlet.runspec import RunSpec
from hamlet.schema import describe, validate
from hamlet.state_tree import put_together, take_apart
from hamlet.tensor_file import (
    SavedFile,
    name_of,
    read_tensor_file,
    tensor_file_bytes,
    write_tensor_file,
)

if TYPE_CHECKING:
    from hamlet.learning.trainer import Trainer
    from hamlet.model import HamletModel

STATE = "state"
WEIGHTS_AT = "weights_at"
FIELDS = {INFERENCE: {FORMAT, HEADER}, TRAINING: {FORMAT, HEADER, STATE}}


class Checkpoint(NamedTuple):
    """A verified file. `form` is None but for a training checkpoint: its tree without tensors."""

    format_version: str
    header: dict[str, Any]
    tensors: dict[str, Tensor]
    form: Any = None


def save_inference(
    path: str | Path,
    model: HamletModel | CompiledBrain,
    metadata: Mapping[str, Any] | None = None,
    *,
    created_at: str | None = None,
) -> SavedFile:
    """Write what is needed to predict, and nothing else.

    Args:
        metadata: plain data about the making; None keeps what a HamletModel carries.
        created_at: ISO 8601; None takes the present. The same arguments give the same bytes.
    Raises: CheckpointError if the metadata is not plain or a weight is not finite.
    """
    return write_tensor_file(path, *_inference_parts(model, metadata, created_at))


def inference_bytes(
    model: HamletModel | CompiledBrain,
    metadata: Mapping[str, Any] | None = None,
    *,
    created_at: str | None = None,
) -> bytes:
    """What `save_inference` writes. Raises: CheckpointError as it does."""
    return tensor_file_bytes(*_inference_parts(model, metadata, created_at))


def save_trainer(path: str | Path, trainer: Trainer, *, created_at: str | None = None) -> SavedFile:
    """Write the training checkpoint of a trainer that stands between two units of work.

    Raises: CheckpointError as `save_training` does.
    """
    state = trainer.state_dict()
    header = training_header(trainer.spec, trainer.inference_model(), state, trainer.metadata())
    return save_training(path, state, header, created_at=created_at)


def training_header(
    run_spec: RunSpec,
    model: HamletModel | CompiledBrain,
    state: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The header of a training checkpoint from which HamletModel can be loaded too.

    Raises: CheckpointError if the state does not hold the weights of the model.
    """
    return {
        "run_spec": run_spec.to_data(),
        "run_spec_hash": run_spec.hash,
        WEIGHTS_AT: find_weights(state, network_of(model)),
        **model_header(model, metadata),
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
            and None. Tensors come back on the CPU.
        header: as `training_header` gives it, or plain data with `run_spec` and `run_spec_hash`.
        created_at: ISO 8601; None takes the present. The same arguments give the same bytes.
    Raises: CheckpointError if a value cannot be kept.
    """
    header = {**header, FORMAT: TRAINING, "created_at": _timestamp(created_at)}
    check_run_spec(header, HEADER)
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
    if kind not in FIELDS:
        raise CheckpointError(
            f"{name}: found {FORMAT} {describe(kind)}; this hamlet reads {' and '.join(FIELDS)}. "
            "A newer format needs a newer hamlet"
        )
    if set(texts) != FIELDS[kind]:
        raise CheckpointError(f"{name}: its metadata must hold {', '.join(sorted(FIELDS[kind]))}")
    try:
        header = read_json(texts[HEADER])
        form = read_json(texts[STATE]) if kind == TRAINING else None
    except ValueError as error:
        raise CheckpointError(f"{name}: its metadata is no valid JSON ({error})") from None
    if not isinstance(header, dict) or header.get(FORMAT) != kind:
        raise CheckpointError(f"{name}: its header does not say {FORMAT} {kind}")
    if kind == TRAINING:
        check_training_header(header, name)
    else:
        as_fault_of(name, lambda: validate(INFERENCE_HEADER, header, HEADER))
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
    if layout is not None and not isinstance(layout, ObservationLayout):
        raise CheckpointError(f"layout: found {describe(layout)}; expected an ObservationLayout")
    name = name_of(source)
    checkpoint = read_checkpoint(source)
    header, weights = checkpoint.header, checkpoint.tensors
    if checkpoint.format_version == TRAINING:
        weights = _weights_of_run(checkpoint, name)
    spec, own_layout = read_model_header(header, name)
    if layout is not None and layout.hash != own_layout.hash:
        raise CheckpointError(
            f"{name}: made for another observation: {'; '.join(own_layout.differences(layout))} "
            "(the file's against yours)"
        )
    network = as_fault_of(name, lambda: blueprint(spec, own_layout))
    check_weights(weights, network, name)
    network.load_state_dict(weights, assign=True)
    network.seed_dropout(torch.Generator().manual_seed(0))
    return network.eval(), header


def _inference_parts(
    model: HamletModel | CompiledBrain,
    metadata: Mapping[str, Any] | None,
    created_at: str | None,
) -> tuple[dict[str, Tensor], dict[str, str]]:
    network = network_of(model)
    weights = network.state_dict()
    check_weights(weights, network, "this network")
    header = {
        FORMAT: INFERENCE,
        "created_at": _timestamp(created_at),
        **model_header(model, metadata),
    }
    return weights, {FORMAT: INFERENCE, HEADER: _json(header, HEADER)}


def _weights_of_run(checkpoint: Checkpoint, name: str) -> dict[str, Tensor]:
    if WEIGHTS_AT not in checkpoint.header:
        raise CheckpointError(f"{name}: this training checkpoint names no network to predict with")
    state = put_together(checkpoint.form, checkpoint.tensors)
    return weights_at(state, checkpoint.header[WEIGHTS_AT], name)


def _timestamp(created_at: str | None) -> str:
    if created_at is None:
        return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if not is_moment(created_at):
        raise CheckpointError(f"created_at: found {describe(created_at)}; expected ISO 8601")
    return created_at


def _json(data: Any, label: str) -> str:
    try:
        check_depth(data)
        return json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{label}: only plain, finite data can be kept ({error})") from None
