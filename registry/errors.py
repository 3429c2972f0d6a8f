"""What can go wrong in the registry, in the words of the user."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied


class RegistryError(Exception):
    """Base of every refusal of the registry."""


class ConflictError(RegistryError):
    """The request is well-formed, but what exists now does not allow it. Answered with 409."""


class NameTakenError(ConflictError):
    """The name is used by something that the asker may not change."""


class ReservedAliasError(ConflictError):
    """The alias moves by itself and cannot be moved by hand."""


class AliasProtectedError(ConflictError):
    """The alias stays where it is until its protection is taken away."""


class NotChangeableError(RegistryError, PermissionDenied):
    """The asker may see the thing but not change it. Answered with 403, on pages too."""


class VersionNotFoundError(RegistryError):
    """No version has this number or alias. Answered with 404; says which there are."""


class OverloadedError(RegistryError):
    """No room for more work at this moment. Answered with 429 and Retry-After."""

    retry_after_s = 1


class BusyError(RegistryError):
    """As much of this work is done at once as the process can. Answered with 429."""

    retry_after_s = 5
