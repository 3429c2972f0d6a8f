"""What a row of the access table says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PEOPLE = ("anonymous", "student", "outsider", "instructor", "admin", "roleless")


@dataclass(frozen=True)
class Row:
    """One method of one route: the status that each person gets, on things of `student`'s class.

    Attributes:
        route: its name, with namespace; for a route without a name its pattern.
        statuses: anonymous, student, outsider (a student of another class), instructor (teaches
            the class), admin (by role alone, in no class), roleless (in the class, without a role).
        using: route parameters that differ from the world's (see world.py).
        form, json, query: what is sent.
    """

    method: str
    route: str
    statuses: tuple[int, ...]
    using: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] | None = None
    json: Any = None
    query: dict[str, Any] = field(default_factory=dict)

    def status_for(self, person: str) -> int:
        return self.statuses[PEOPLE.index(person)]

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class AdminRow:
    """The pages of one table in Django's admin, as an admin gets them; all others must sign in.

    `actions` names each bulk action that an admin is offered, with the status of using it.
    """

    label: str
    changelist: int = 200
    add: int = 403
    change: int = 200
    history: int = 200
    delete: int = 403
    actions: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SocketRow:
    """One socket route: True for each person whose connection is accepted."""

    route: str
    accepted: tuple[bool, ...]
    using: dict[str, Any] = field(default_factory=dict)

    def accepts(self, person: str) -> bool:
        return self.accepted[PEOPLE.index(person)]


def row(method: str, route: str, *statuses: int, **rest: Any) -> Row:
    assert len(statuses) == len(PEOPLE), f"{method} {route}: one status each for {PEOPLE}"
    return Row(method, route, statuses, **rest)


def socket(route: str, *accepted: bool, **rest: Any) -> SocketRow:
    assert len(accepted) == len(PEOPLE), f"{route}: one answer each for {PEOPLE}"
    return SocketRow(route, accepted, **rest)
