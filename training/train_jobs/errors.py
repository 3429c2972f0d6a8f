"""What can go wrong when the result of a job of training is fetched."""

from __future__ import annotations

from registry.errors import ConflictError


class ModelNotReadyError(ConflictError):
    """The job has no such file, yet or at all; says why and what to do."""
