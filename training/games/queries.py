"""Reads about games. Who may see what is the queryset that everything starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from hamlet.datasets.game_records import write_game
from hamlet.datasets.games import WINNERS
from hamlet.datasets.games import Game as PlayedGame
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, hint
from registry.accounts.models import User
from registry.accounts.queries import classroom_ids
from registry.accounts.roles import is_admin
from registry.errors import VersionNotFoundError
from registry.queries import find_version
from training.games import rows
from training.games.models import Game, GameSource

NEWEST_FIRST = ("-played_at", "-id")
AT_ONCE = 1000
PLAYERS = ("human", "ai")


def visible_games(user: User | AnonymousUser) -> QuerySet[Game]:
    """One's own games, and those of one's classes that their players have agreed to show.

    Admins see all of them.
    """
    if is_admin(user):
        return Game.objects.all()
    if not user.is_authenticated:
        return Game.objects.none()
    shared = Q(classroom__in=classroom_ids(user)) & (Q(consent=True) | Q(consent=None))
    return Game.objects.filter(Q(owner=user) | shared)


def usable_games(user: User | AnonymousUser) -> QuerySet[Game]:
    """Those that this user may learn from: for admins too, nobody's without their consent."""
    refused = Q(consent=False) & ~Q(owner=user if user.is_authenticated else None)
    return visible_games(user).exclude(refused)


def listed_games(user: User, wanted: Mapping[str, str]) -> QuerySet[Game]:
    """The games that fit.

    Args:
        wanted: of these, what is not empty: source, result (Red, Yellow, Draw), player (human,
            ai), version (model/number of a player), run (id), mine (true).
    Raises: SpecError naming every fault.
    """
    games, problems = visible_games(user), []
    for name, text in wanted.items():
        if text:
            try:
                games = games.filter(FILTERS[name](user, text))
            except (SpecError, VersionNotFoundError) as error:
                found = Problem(name, str(error))
                problems += getattr(error, "problems", [found])
    if problems:
        raise SpecError(problems)
    return games.select_related("owner", "red_version__model", "yellow_version__model")


def _one_of(name: str, text: str, known: Any) -> str:
    if text not in known:
        message = f"found {describe(text)}; expected one of {', '.join(known)}{hint(text, known)}"
        raise SpecError([Problem(name, message)])
    return text


def _of_player(user: User, text: str) -> Q:
    kind = _one_of("player", text, PLAYERS)
    return Q(red_type=kind) | Q(yellow_type=kind)


def _of_version(user: User, text: str) -> Q:
    model, slash, number = text.partition("/")
    if not slash:
        message = f"found {describe(text)}; expected model/number, such as walker/1.0.0"
        raise SpecError([Problem("version", message)])
    version = find_version(user, model, number)
    return Q(red_version=version) | Q(yellow_version=version)


def _of_run(user: User, text: str) -> Q:
    if (run_id := rows.as_uuid(text)) is None:
        message = f"found {describe(text)}; expected the id of a run"
        raise SpecError([Problem("run", message)])
    return Q(run_id=run_id)


FILTERS = {
    "source": lambda user, text: Q(source=_one_of("source", text, GameSource.values)),
    "result": lambda user, text: Q(winner=WINNERS[_one_of("result", text, WINNERS)]),
    "player": _of_player,
    "version": _of_version,
    "run": _of_run,
    "mine": lambda user, text: Q(owner=user) if _one_of("mine", text, ("true",)) else Q(),
}


def game_summary(game: Game) -> dict[str, Any]:
    """A row of a list, as plain data."""
    played = rows.without_search(game)
    return {
        "game_id": str(game.uid),
        "id": played.id,
        "system": game.system,
        "timestamp": played.played_at.isoformat(),
        "source": game.source,
        "players": {"red": _player(game, "red"), "yellow": _player(game, "yellow")},
        "move_string": "".join(str(column + 1) for column in played.moves),
        "plies": game.plies,
        "result": {"winner": played.winner_name, "reason": game.reason},
        "mirror_of": game.mirror_of or None,
        "owner": game.owner.username if game.owner else None,
        "run_id": str(game.run_id) if game.run_id else None,
        "consent": game.consent,
        "url": reverse("api-game", args=[game.uid]),
        "analysis_url": reverse("api-game-analysis", args=[game.uid]),
    }


def game_data(game: Game) -> dict[str, Any]:
    """All of a game: every move, with what the search found where it is stored.

    Raises: ArtifactDamagedError.
    """
    (played,) = rows.with_search([game])
    record = write_game(played)
    return {
        **game_summary(game),
        "moves": record["moves"],
        "metadata": record.get("metadata", {}),
        "searched": rows.has_search(played),
    }


def _player(game: Game, colour: str) -> dict[str, Any]:
    version = getattr(game, f"{colour}_version")
    return {
        "type": getattr(game, f"{colour}_type"),
        "rating": getattr(game, f"{colour}_rating"),
        # As it is called now; what the record called it if no version here answers to that.
        "version": f"{version.model.name}/{version.number}"
        if version
        else getattr(game, f"{colour}_name") or None,
    }


def newest_id(games: QuerySet[Game]) -> int:
    return games.aggregate(newest=Max("pk"))["newest"] or 0


def stream_games(games: QuerySet[Game], reader: int | None = None) -> Iterator[PlayedGame]:
    """All of them, whole, in the order they were recorded; some at a time in memory.

    Args: reader: id of the user for whom, so that no two have one id (`rows.id_of`).
    """
    after = 0
    ordered = games.select_related("block__artifact").order_by("pk")
    while batch := list(ordered.filter(pk__gt=after)[:AT_ONCE]):
        yield from rows.with_search(batch, reader)
        after = batch[-1].pk
