"""The one document that says what a run is: all of it, so that it can be run again anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hamlet.schema import Choice, Integer, Section, Text, Unread, content_hash, validate

MAX_SEED = 2**53 - 1  # exact in JSON for every client


ENVELOPE = Section(
    {
        "format": Choice(1),
        "system": Text(pattern=r"[a-z][a-z0-9_]{0,31}", shape="a system's name"),
        "trainer": Text(pattern=r"[a-z][a-z0-9_]{0,31}", shape="a trainer's name"),
        "seed": Integer(0, MAX_SEED),
        "budget": Integer(1, 10**9),
        "content": Unread(Mapping, "a mapping"),  # its system reads it
    }
)


@dataclass(frozen=True)
class RunSpec:
    """What a trainer is built from.

    `budget` counts the system's unit of progress (town: episodes). `content` is the system's
    own section, already validated by it with every default written out (town: level, brain,
    training), so that equal hashes mean equal runs.
    """

    system: str
    trainer: str
    seed: int
    budget: int
    content: dict[str, Any]

    def to_data(self) -> dict[str, Any]:
        return {
            "format": 1,
            "system": self.system,
            "trainer": self.trainer,
            "seed": self.seed,
            "budget": self.budget,
            "content": self.content,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RunSpec:
        """Read the envelope. The system's trainer checks `content` again when it is built.

        Raises: SpecError naming every fault.
        """
        read = validate(ENVELOPE, data)
        return cls(
            system=read["system"],
            trainer=read["trainer"],
            seed=read["seed"],
            budget=read["budget"],
            content=dict(read["content"]),
        )

    @property
    def hash(self) -> str:
        return content_hash(self.to_data())
