"""What can go wrong while playing."""

from __future__ import annotations

from training.errors import TrainingError


class ThinkersBusyError(TrainingError):
    """Too many people wait for a move at this moment."""


class InterruptedThoughtError(TrainingError):
    """Whoever asked has asked something newer, or has left."""
