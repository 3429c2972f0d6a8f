"""A game as a person or program sends it: the library's record, with what may be left out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from hamlet.datasets.game_records import read_game
from hamlet.datasets.games import Game as PlayedGame
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Flag, Section, Unread, describe, validate
from registry.accounts.models import Classroom, User
from registry.accounts.queries import classroom_ids
from registry.accounts.roles import is_admin
from registry.errors import RegistryError
from registry.models import ModelVersion
from registry.queries import find_version

OURS = Section(
    {
        "classroom": Unread(
            str | int, "the name or number of a class", default=None, optional=True
        ),
        "consent": Flag(default=False),
    }
)


@dataclass(frozen=True)
class SentGame:
    """given: its sender named it; else we did."""

    game: PlayedGame
    given: bool
    classroom: Classroom | None
    consent: bool


def read_sent_game(user: User, body: Any) -> SentGame:
    """Read what `POST /api/v1/games` takes: a record of `hamlet.datasets.game_records` in
    snake_case or camelCase, without `id` and `timestamp` if need be, with `classroom` and
    `consent`.

    Raises: SpecError naming every fault, each move by its ply.
    """
    problems: list[Problem] = []
    if not isinstance(body, Mapping):
        raise SpecError([Problem("(document)", f"found {describe(body)}; expected a game")])
    metadata = body.get("metadata")  # its names are the sender's own
    record = snake_cased({k: v for k, v in body.items() if k != "metadata"}, "", problems)
    ours = {name: record.pop(name) for name in OURS.fields if name in record}
    if metadata is not None:
        record["metadata"] = metadata
    given = record.get("id") is not None
    record = {k: v for k, v in record.items() if k not in ("id", "timestamp") or v is not None}
    record.setdefault("id", str(uuid.uuid4()))
    record.setdefault("timestamp", timezone.now().isoformat())
    game, classroom, wanted = None, None, {"consent": False}
    try:
        wanted = validate(OURS, ours)
        classroom = find_classroom(user, wanted["classroom"])
    except SpecError as error:
        problems += error.problems
    try:
        game = read_game(record)
    except SpecError as error:
        problems += error.problems
    if problems or game is None:
        raise SpecError(problems)
    if game.human and "source" not in record:
        game = replace(game, source="human")
    return SentGame(game, given, classroom, wanted["consent"])


def find_classroom(user: User, named: str | int | None) -> Classroom | None:
    """A class of the user's, by name or number. Raises: SpecError."""
    if named is None:
        return None
    classes = Classroom.objects.all()
    if not is_admin(user):
        classes = classes.filter(pk__in=classroom_ids(user))
    number = isinstance(named, int) and not isinstance(named, bool) and 0 < named < 2**31
    found = classes.filter(pk=named) if number else classes.filter(name=str(named)[:100])
    classroom = found.first()
    if classroom is None:
        message = f"found {describe(named)}; expected the name or number of a class you are in"
        raise SpecError([Problem("classroom", message)])
    return classroom


def versions_of(user: User | None, games: list[PlayedGame]) -> dict[str, ModelVersion]:
    """What the players' versions stand for, where their sender may see such a version. What names
    none, or one of somebody else's, stays the text that it is."""
    names = {player.version for game in games for player in (game.red, game.yellow)}
    found = {}
    for name in names - {None}:
        model, slash, number = name.partition("/")
        if slash and user is not None:
            try:
                found[name] = find_version(user, model, number)
            except RegistryError:
                continue
    return found
