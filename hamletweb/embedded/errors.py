"""What can go wrong with an embedded server, in a sentence for who typed the command."""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """An embedded server cannot be started or stopped; the message says what to do."""


class AlreadyHeldError(EmbeddedServerError):
    """Another process holds this directory."""
