"""Brain specs: what a network is and how it learns, checked, completed and hashed.

A BrainSpec holds every default written out, so that two documents which mean the same brain
have the same data and the same hash. Sizes of the observation and the number of actions are
no part of it: they come from the layout when the brain is compiled.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hamlet.brains.aliases import Expansion
from hamlet.brains.families import FAMILIES, Family
from hamlet.errors import Problem, SpecError
from hamlet.schema import (
    Section,
    Tagged,
    Text,
    Unread,
    content_hash,
    join,
    read_yaml,
    validate,
    write_yaml,
)


@dataclass(frozen=True)
class BrainSpec:
    """A checked brain spec.

    Attributes:
        data: plain data in long names with every default written out. Do not change it.
    """

    data: dict[str, Any]

    @classmethod
    def from_yaml(cls, text: str | bytes) -> BrainSpec:
        """Raises: SpecError naming every fault by the path that the writer used."""
        return cls.from_data(read_yaml(text, name="brain.yaml"))

    @classmethod
    def from_data(cls, data: Any, path: str = "") -> BrainSpec:
        """Args: path: where the spec stands in a larger document, for messages.

        Raises: SpecError naming every fault by the path that the writer used.
        """
        expansion = Expansion(data, FAMILIES)
        problems = list(expansion.problems)
        cleaned = None
        try:
            cleaned = validate(_schema_for(expansion.data), expansion.data)
        except SpecError as error:
            problems += [
                Problem(expansion.as_written(problem.path), problem.message)
                for problem in error.problems
            ]
        if problems:
            raise SpecError([Problem(join(path, p.path), p.message) for p in problems])
        return cls(copy.deepcopy(cleaned))

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def type(self) -> str:
        """Name of the family."""
        return self.data["architecture"]["type"]

    @property
    def family(self) -> Family:
        return FAMILIES[self.type]

    @property
    def block(self) -> dict[str, Any]:
        """The family's own fields."""
        return self.data["architecture"][self.type]

    @property
    def is_recurrent(self) -> bool:
        return self.family.network.is_recurrent

    @cached_property
    def hash(self) -> str:
        """`sha256:<hex>` of the data as JSON with sorted keys and no spaces."""
        return content_hash(self.data)

    def to_yaml(self) -> str:
        """The complete spec in long names; reading it back gives the same hash."""
        return write_yaml(self.data)


def _schema_for(data: Any) -> Section:
    """The schema of a document in long names; the family it names decides the sections."""
    architecture = data.get("architecture") if isinstance(data, Mapping) else None
    name = architecture.get("type") if isinstance(architecture, Mapping) else None
    if isinstance(name, str) and name in FAMILIES:
        sections = dict(FAMILIES[name].sections)
    else:
        every = (section for family in FAMILIES.values() for section in family.sections)
        # They cannot be judged before the family is known.
        sections = {section: Unread(default=None) for section in every}
    return Section(
        {
            "version": Text("1.0", longest=40),
            "description": Text("", longest=2000),
            "architecture": Tagged(
                "type",
                {
                    family.name: {family.name: Section(family.fields, default={})}
                    for family in FAMILIES.values()
                },
            ),
            **sections,
        }
    )
