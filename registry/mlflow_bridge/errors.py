"""What can go wrong between this registry and one of MLflow, in the words of the operator."""

from __future__ import annotations

from registry.errors import ConflictError, RegistryError


class MlflowError(RegistryError):
    """Base of what concerns MLflow alone."""


class MlflowMissingError(MlflowError):
    """The package is not installed."""


class ServerError(MlflowError):
    """The server is away, refuses, or says what no MLflow server says."""


class NotThereError(MlflowError):
    """The server does not have what was asked for."""


class UntakenError(MlflowError):
    """A version over there is not taken; says what was found and what to do."""


class OtherVersionError(ConflictError):
    """The number is used over there by another file."""
