"""What keeps a model from learning on, in the words of the person who sends examples."""

from __future__ import annotations

from registry.errors import ConflictError


class CannotLearnOnError(ConflictError):
    """There is no version that a run could go on from; says what to do."""


class QueueFullError(ConflictError):
    """As many examples wait for a run of the model as may."""
