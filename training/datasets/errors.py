"""What can go wrong with a dataset, in the words of the person who asked for it."""

from __future__ import annotations

from registry.errors import ConflictError, RegistryError


class DatasetNameTakenError(ConflictError):
    """There is a dataset of that name."""


class DatasetNotReadyError(ConflictError):
    """It is still being built, or was not; the message says why."""


class DatasetLostError(RegistryError):
    """A file of a dataset is gone or damaged. Answered with 500."""


STATUS_OF = {DatasetLostError: 500}
