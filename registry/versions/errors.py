"""What can go wrong with a file that is to become a version, in the words of who sent it."""

from __future__ import annotations

from registry.errors import RegistryError


class FileRejectedError(RegistryError):
    """The file is not what it should be, or could not be looked into within the limits."""
