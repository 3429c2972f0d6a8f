"""Why something is not deleted, and what to do about it. Answered with 409."""

from __future__ import annotations

from registry.errors import ConflictError


class DeletionBlockedError(ConflictError):
    """Something still needs it."""


class StalePreviewError(ConflictError):
    """What would go is no longer what was shown, or was never shown."""
