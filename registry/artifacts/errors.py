"""What can go wrong with stored files, in the words of the operator."""

from __future__ import annotations

from registry.errors import RegistryError


class ArtifactError(RegistryError):
    """Base of every refusal of the artifact store."""


class ArtifactTooLargeError(ArtifactError):
    """The bytes exceed the store's bound for one file."""


class ArtifactDamagedError(ArtifactError):
    """The file is missing, or its bytes are not the ones that were stored."""
