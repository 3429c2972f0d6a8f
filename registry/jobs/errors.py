"""What can go wrong with a job, in the words of the person who asked for it."""

from __future__ import annotations

from registry.errors import ConflictError, RegistryError


class IllegalTransitionError(ConflictError):
    """The table of moves has no such move; asking again will not help."""


class StatusConflictError(ConflictError):
    """Somebody else moved the job first; reload it and decide again."""


class IdempotencyConflictError(ConflictError):
    """The key was used before with another body."""


class ResultNotReadyError(ConflictError):
    """The job has no result, or not yet; the message says why."""


class ResultGoneError(RegistryError):
    """The result was kept for as long as promised and is gone. Answered with 410."""


class TooManyJobsError(RegistryError):
    """The person has as many unfinished jobs as one may have. Answered with 429."""

    retry_after_s = 10


class LeaseLostError(RegistryError):
    """This worker no longer holds the job: nothing it knows may be written any more."""


class JobFailedError(RegistryError):
    """The job cannot be done; the message is the reason that people read."""


# How the API answers those that registry.problems does not know.
STATUS_OF = {ResultGoneError: 410, TooManyJobsError: 429}
