"""Several questions in one run of a model: joined along the batch axis, parted again after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hamlet.answering import left_out
from hamlet.signature import Signature
from registry.serving.engines import LoadedModel
from registry.serving.inputs import Arrays, Question

Outcome = Arrays | Exception


def run_together(model: LoadedModel, questions: Sequence[Question]) -> list[Outcome]:
    """Answer all questions, in one run if that works.

    Where the joined run fails, each is run alone: a question whose answer is not finite is
    refused, and those that happened to come with it are answered.
    """
    if len(questions) > 1:
        try:
            outputs = model.run(join(model.signature, questions))
        except Exception:
            return [run_alone(model, question) for question in questions]
        return list(part(model.signature, outputs, [question.rows for question in questions]))
    return [run_alone(model, question) for question in questions]


def run_alone(model: LoadedModel, question: Question) -> Outcome:
    try:
        return model.run(question.arrays)
    except Exception as error:
        return error


def join(signature: Signature, questions: Sequence[Question]) -> Arrays:
    """What one of them left out and another gave is filled with what stands for nothing."""
    given = {name for question in questions for name in question.arrays}
    return {
        spec.name: np.concatenate(
            [
                question.arrays[spec.name]
                if spec.name in question.arrays
                else left_out(spec, question.rows).numpy()
                for question in questions
            ],
            axis=spec.batch_axis,
        )
        for spec in signature.inputs
        if spec.name in given
    }


def part(signature: Signature, outputs: Arrays, rows: Sequence[int]) -> list[Arrays]:
    """The rows of each question, in their order."""
    ends = np.cumsum(rows)[:-1]
    parts: list[Arrays] = [{} for _ in rows]
    for spec in signature.outputs:
        if spec.name in outputs:
            pieces = np.split(outputs[spec.name], ends, axis=spec.batch_axis)
            for answer, piece in zip(parts, pieces, strict=True):
                answer[spec.name] = piece
    return parts
