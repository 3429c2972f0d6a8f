"""Why the platform does not start, in a sentence for the person who typed the command."""

from __future__ import annotations


class CannotStartError(Exception):
    """`up` cannot start or go on; the message says what to do. Nothing of it is left running."""
