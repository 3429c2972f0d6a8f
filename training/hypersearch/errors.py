"""What can go wrong with a search for a config."""

from __future__ import annotations

from registry.errors import RegistryError


class SearchNotInstalledError(RegistryError):
    """What chooses the trials is not installed here; says which file to install."""


STATUS_OF = {SearchNotInstalledError: 501}
