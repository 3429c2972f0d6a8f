"""What can go wrong with a game, in the words of the person who sent it."""

from __future__ import annotations

from registry.errors import ConflictError


class GameConflictError(ConflictError):
    """Another game is kept under that id or key already."""
