"""Names that stand in addresses: of models, brain specs and aliases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.errors import ReservedAliasError

if TYPE_CHECKING:
    from registry.models import ModelVersion

LATEST = "latest"
PRODUCTION = "production"  # what is in service
# Routes that stand where a name would: /models/brains/, /models/brains/new/, /brains/validate...
RESERVED_NAMES = frozenset(
    {"audit", "brains", "bundles", "compare", "new", "retention", "upload", "validate", "versions"}
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")


def check_name(name: Any, path: str = "name") -> str:
    """Raises: SpecError unless the name can stand in an address."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        message = (
            f"found {describe(name)}; expected 1 to 100 letters, digits, - and _, "
            "beginning with a letter or digit"
        )
        raise SpecError([Problem(path, message)])
    if name.lower() in RESERVED_NAMES:
        raise SpecError([Problem(path, f"found {name}, which is kept for a page; choose another")])
    return name


def check_alias(name: Any, path: str = "alias") -> str:
    """Raises: SpecError; ReservedAliasError for the alias that moves by itself."""
    if not isinstance(name, str) or not ALIAS.fullmatch(name):
        message = (
            f"found {describe(name)}; expected 1 to 50 letters, digits, - and _, "
            "beginning with a letter"
        )
        raise SpecError([Problem(path, message)])
    if name == LATEST:
        raise ReservedAliasError(
            "latest always names the version registered last and moves by itself. "
            "Choose another alias, such as best."
        )
    return name


def subject_of(version: ModelVersion) -> str:
    """A version's name in the audit log."""
    return f"{version.model.name}/{version.number}"


def read_version_id(named: str, path: str, *, instead: str = "") -> tuple[str, str]:
    """What `model:number` or `model:alias` names, as (model, number or alias).

    Args: instead: what else is taken there, for the message. Raises: SpecError.
    """
    model, _, which = named.rpartition(":")
    if not model or not which:
        expected = f"model:number, such as walker:1.0.0{instead}"
        raise SpecError([Problem(path, f"found {named[:80]!r}; expected {expected}")])
    return model, which
