"""What can go wrong with a bundle, in the words of whoever brought it."""

from __future__ import annotations

from registry.errors import ConflictError, RegistryError


class BundleError(RegistryError):
    """The file is no whole and honest bundle. Answered with 422; nothing of it was kept."""


class BundleTooLargeError(BundleError):
    """More than one bundle may hold."""


class BundleConflictError(ConflictError):
    """The bundle and what is here contradict each other. Nothing of it was kept."""
