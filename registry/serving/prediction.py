"""One question to one version: read the body, run the model, say who answered and how long it took.

A body carries `inputs` by the names of the version's signature, or the system's own form (town:
`observation`, ...), which the system's adapter turns into inputs. A recurrent model's state comes
back among the outputs; send it along with the next request. Exploration is for training: there is
no epsilon here, so the same request gets the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hamlet.errors import CheckpointError, InputError, Problem, SpecError
from hamlet.schema import describe, hint
from hamlet.signature import Signature, spell
from hamlet.systems import SYSTEMS
from registry.artifacts.errors import ArtifactDamagedError
from registry.models import ModelVersion
from registry.queries import aliases_of
from registry.serving.pool import ModelPool, shared_pool

INPUTS = "inputs"


def predict(
    version: ModelVersion,
    body: Mapping[str, Any],
    *,
    pool: ModelPool | None = None,
    parse_s: float = 0.0,
) -> dict[str, Any]:
    """Answer a request with a version.

    Args:
        body: the request without the fields that chose the version.
        parse_s: seconds already spent on reading the body; they go into the time split.
    Returns: plain data: model, version, aliases, artifact_sha256, outputs by name,
        action_names where the outputs choose actions, timing_ms.
    Raises: SpecError naming every fault of the body; ArtifactDamagedError if the version's file
        cannot be used; OverloadedError if it does not fit into memory.
    """
    started = time.perf_counter()
    model = _load(version, pool or shared_pool())
    loaded = time.perf_counter()
    signature = model.signature()
    tensors = read_inputs(signature, body)
    read = time.perf_counter()
    outputs = model.run_checked(tensors)
    ran = time.perf_counter()
    answer: dict[str, Any] = {
        "model": version.model.name,
        "version": version.number,
        "aliases": aliases_of(version),
        "artifact_sha256": version.artifact_id,
        "outputs": {name: tensor.tolist() for name, tensor in outputs.items()},
    }
    if signature.action_names and "actions" in outputs:
        chosen = answer["outputs"]["actions"]
        answer["action_names"] = [signature.action_names[action] for action in chosen]
    answer["timing_ms"] = {
        "parse": _ms(parse_s + read - loaded),
        "load": _ms(loaded - started),
        "run": _ms(ran - read),
    }
    return answer


def read_inputs(signature: Signature, body: Mapping[str, Any]) -> dict[str, Tensor]:
    """Raises: SpecError naming every fault, with paths as the sender wrote them."""
    if INPUTS in body:
        others = [name for name in body if name != INPUTS]
        if others:
            raise SpecError([_beside_inputs(name) for name in others[:20]])
        given = body[INPUTS]
        if not isinstance(given, Mapping):
            message = f"found {describe(given)}; expected a mapping with {_names(signature)}"
            raise SpecError([Problem(INPUTS, message)])
        return _checked(signature, given, f"{INPUTS}.")
    adapter = SYSTEMS.get(signature.adapter or "")
    if adapter is None:
        raise SpecError(_refuse(signature, body))
    return _checked(signature, adapter.adapt_request(signature, body), "")


def accepted(signature: Signature) -> str:
    """What a request may hold, in words."""
    inputs = "; ".join(
        f"{spec.name} {spec.dtype} {spell(spec.shape)}{' (optional)' if spec.optional else ''}"
        for spec in signature.inputs
    )
    return f"{INPUTS} with {inputs}"


def _load(version: ModelVersion, pool: ModelPool) -> Any:
    try:
        return pool.get(version.artifact)
    except CheckpointError as error:
        # It was whole when it was registered, so this is no fault of the request.
        raise ArtifactDamagedError(f"{version} cannot be loaded: {error}") from error


def _checked(signature: Signature, inputs: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    try:
        return signature.check_inputs(inputs, most_rows=signature.most_rows)
    except InputError as error:
        problems = [Problem(prefix + path, message) for path, message in error.problems]
        raise InputError(problems) from None


def _beside_inputs(name: Any) -> Problem:
    shown = name if isinstance(name, str) and len(name) <= 60 else describe(name)
    return Problem(shown, "stands beside inputs; send inputs by name, or the system's own form")


def _refuse(signature: Signature, body: Mapping[str, Any]) -> list[Problem]:
    problems = [Problem(INPUTS, f"missing; expected {accepted(signature)}")]
    for name in list(body)[:20]:
        shown = name if isinstance(name, str) and len(name) <= 60 else describe(name)
        message = f"unknown field; expected {INPUTS}{hint(name, [INPUTS])}"
        problems.append(Problem(shown, message))
    return problems


def _names(signature: Signature) -> str:
    return ", ".join(spec.name for spec in signature.inputs)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
