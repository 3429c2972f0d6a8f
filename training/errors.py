"""What can go wrong with a run, in the words of the person who asked for it."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of every error this app raises on purpose."""


class IllegalTransitionError(TrainingError):
    """The table of moves has no such move; asking again will not help."""


class StatusConflictError(TrainingError):
    """Somebody else moved the run first; reload it and decide again."""


class LeaseLostError(TrainingError):
    """This worker no longer holds the run: nothing it knows may be written any more."""


class OtherBrainError(TrainingError):
    """A run is to begin with the weights of another network than it trains."""


class IdempotencyConflictError(TrainingError):
    """The key was used before with another body."""


class SteeringRefusedError(TrainingError):
    """The person may see the run but not steer it."""


class RunFailedError(TrainingError):
    """The run cannot go on; the message is the reason that people read."""


class TrainingDivergedError(RunFailedError):
    """A loss became infinite or not a number: what follows would be noise."""


class StorageFullError(RunFailedError):
    """A checkpoint could not be written; the one before it still stands."""


class ReplayUnreadableError(TrainingError):
    """A kept episode cannot be read back."""


# How the API answers them. The rest are a worker's own affair.
STATUS_OF = {
    IllegalTransitionError: 409,
    StatusConflictError: 409,
    IdempotencyConflictError: 409,
    OtherBrainError: 409,
    SteeringRefusedError: 403,
    ReplayUnreadableError: 500,
}
