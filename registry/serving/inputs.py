"""From the body of a question to arrays by the names of the version's signature.

A body carries `inputs` by those names, or the system's own form (town: `observation`, ...), which
the system's adapter turns into inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hamlet.errors import InputError, Problem, SpecError
from hamlet.schema import describe, hint
from hamlet.signature import Signature, spell
from hamlet.systems import SYSTEMS
from registry.serving.plain_inputs import Arrays, Question, read_plain

INPUTS = "inputs"
MOST_NAMED = 20

__all__ = ["Arrays", "Question"]


def read_question(signature: Signature, body: Mapping[str, Any]) -> Question:
    """Raises: SpecError naming every fault, with paths as the sender wrote them."""
    inputs, prefix = find_inputs(signature, body)
    return check_question(signature, inputs, prefix)


def check_question(signature: Signature, inputs: Mapping[str, Any], prefix: str) -> Question:
    """Inputs by name as a question. Raises: SpecError naming every fault."""
    return read_plain(signature, inputs) or question_of(
        signature, check_inputs(signature, inputs, prefix)
    )


def question_of(signature: Signature, tensors: Mapping[str, Tensor]) -> Question:
    """Args: tensors: what `signature.check_inputs` let through."""
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    spec = next(spec for spec in signature.inputs if spec.name in arrays)
    return Question(arrays, arrays[spec.name].shape[spec.batch_axis])


def read_inputs(signature: Signature, body: Mapping[str, Any]) -> dict[str, Tensor]:
    """Raises: SpecError naming every fault, with paths as the sender wrote them."""
    return check_inputs(signature, *find_inputs(signature, body))


def find_inputs(signature: Signature, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Inputs by name, not looked into yet, and what stands before their names in messages.

    Raises: SpecError if the body has neither them nor the system's own form.
    """
    if INPUTS in body:
        others = [name for name in body if name != INPUTS]
        if others:
            raise SpecError([_beside_inputs(name) for name in others[:MOST_NAMED]])
        given = body[INPUTS]
        if type(given) is not dict:
            message = f"found {describe(given)}; expected a mapping with {_names(signature)}"
            raise SpecError([Problem(INPUTS, message)])
        return given, f"{INPUTS}."
    adapter = SYSTEMS.get(signature.adapter or "")
    if adapter is None:
        raise SpecError(_refuse(signature, body))
    return adapter.adapt_request(signature, body), ""


def check_inputs(signature: Signature, inputs: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    """`signature.check_inputs` within the bounds of a server, with the sender's paths."""
    try:
        return signature.check_inputs(inputs, most_rows=signature.most_rows)
    except InputError as error:
        problems = [Problem(prefix + path, message) for path, message in error.problems]
        raise InputError(problems) from None


def accepted(signature: Signature) -> str:
    """What a request may hold, in words."""
    inputs = "; ".join(
        f"{spec.name} {spec.dtype} {spell(spec.shape)}{' (optional)' if spec.optional else ''}"
        for spec in signature.inputs
    )
    return f"{INPUTS} with {inputs}"


def _beside_inputs(name: Any) -> Problem:
    shown = name if isinstance(name, str) and len(name) <= 60 else describe(name)
    return Problem(shown, "stands beside inputs; send inputs by name, or the system's own form")


def _refuse(signature: Signature, body: Mapping[str, Any]) -> list[Problem]:
    problems = [Problem(INPUTS, f"missing; expected {accepted(signature)}")]
    for name in list(body)[:MOST_NAMED]:
        shown = name if isinstance(name, str) and len(name) <= 60 else describe(name)
        message = f"unknown field; expected {INPUTS}{hint(name, [INPUTS])}"
        problems.append(Problem(shown, message))
    return problems


def _names(signature: Signature) -> str:
    return ", ".join(spec.name for spec in signature.inputs)
