"""Audit entries in words for people."""

from __future__ import annotations

from typing import Any

from registry.audit.models import AuditEntry


def words_of(entry: AuditEntry) -> str:
    """The details of an entry on one line; what is empty is left out."""
    return "; ".join(
        f"{name.replace('_', ' ')}: {spell(value)}"
        for name, value in entry.details.items()
        if value not in (None, "", [], {})
    )


def spell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {spell(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(spell, value))
    return str(value)
