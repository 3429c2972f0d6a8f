"""What can go wrong while the town runs."""

from __future__ import annotations

from hamlet.errors import HamletError


class IllegalActionError(HamletError, ValueError):
    """An action outside the mask, given to an environment in debug mode."""
