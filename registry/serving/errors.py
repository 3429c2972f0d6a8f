"""What can go wrong between a question and its answer, in the words of who asked."""

from __future__ import annotations

from registry.errors import ConflictError, OverloadedError, RegistryError


class ArchivedVersionError(ConflictError):
    """The version was put away and answers nobody."""


class TooBusyError(OverloadedError):
    """A queue, or the memory for requests, is full at this moment."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ModelTooLargeError(OverloadedError):
    """The model never fits into the memory that this server has for models."""

    retry_after_s = None  # later it is as large as now


class SessionConflictError(ConflictError):
    """The state kept under this session key does not go with the question."""


class SessionsFullError(OverloadedError):
    """The user keeps as many sessions as one user may, or one that is too large."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SessionsUnavailableError(RegistryError):
    """Valkey, which keeps the sessions, does not answer."""
