"""What a job asks: read from the body once, checked, and kept as arrays by input name.

Needs torch, which a process that only lists jobs need not load: import it where a job is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from hamlet.errors import Problem, SpecError
from hamlet.signature import Signature
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.serving.inputs import Arrays, Question, question_of, read_inputs

MEDIA_TYPE = "application/vnd.safetensors"
# A body may bring any number of rows; what is bounded is the body, and how long the answer is:
# 25 letters a number make 125 MB of JSON.
ANY_ROWS = 10**9
MOST_ANSWER_NUMBERS = 5_000_000


def read_body(signature: Signature, body: Mapping[str, Any]) -> Question:
    """Read a request's body, as `POST /api/v1/predict` does, however many rows it has.

    Raises: SpecError naming every fault; also if the answer would be too long.
    """
    tensors = read_inputs(replace(signature, most_rows=ANY_ROWS), body)
    question = question_of(signature, tensors)
    a_row = sum(abs(math.prod(spec.shape)) for spec in signature.outputs)
    if question.rows * a_row > MOST_ANSWER_NUMBERS:
        message = (
            f"found {question.rows} rows, whose answer has {question.rows * a_row} numbers; "
            f"expected at most {MOST_ANSWER_NUMBERS // a_row} rows. Send the others in further jobs"
        )
        raise SpecError([Problem("inputs", message)])
    return question


def to_bytes(question: Question) -> bytes:
    return save({name: np.ascontiguousarray(array) for name, array in question.arrays.items()})


def open_question(signature: Signature, artifact: Artifact) -> Question:
    """Read what `to_bytes` wrote. Raises: ArtifactDamagedError."""
    arrays = load(open_artifact(artifact))
    spec = next(spec for spec in signature.inputs if spec.name in arrays)
    return Question(arrays, arrays[spec.name].shape[spec.batch_axis])


def part_of(signature: Signature, question: Question, first: int, rows: int) -> Arrays:
    """The arrays of at most `rows` consecutive rows, cut along each one's batch axis."""
    return {
        spec.name: np.ascontiguousarray(
            question.arrays[spec.name][
                (slice(None),) * spec.batch_axis + (slice(first, first + rows),)
            ]
        )
        for spec in signature.inputs
        if spec.name in question.arrays
    }
