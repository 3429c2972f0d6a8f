"""Keeping games: one that somebody sends, or many that a run, a job or a file brings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from hamlet.datasets.games import Game as PlayedGame
from registry.artifacts.models import Artifact
from registry.artifacts.store import store_file
from registry.errors import NotChangeableError
from registry.idempotency import check_key, made_before
from registry.jobs import services as jobs
from registry.jobs.models import Job
from registry.jobs.services import body_hash
from registry.models import User
from training.games import reading, rows
from training.games.errors import GameConflictError
from training.games.models import Game, GameBlock
from training.games.rows import Keeping

BLOCK_MEDIA_TYPE = "application/zstd"


def record_game(user: User, body: Any, *, idempotency_key: str | None = None) -> tuple[Game, bool]:
    """Keep a game that somebody sends. The same game under the same id or key is kept once.

    Args: body: as `reading.read_sent_game` takes it.
    Returns: (the row, whether this call made it).
    Raises: SpecError naming every fault, GameConflictError, NotChangeableError.
    """
    if not user.has_perm("training.add_game"):
        raise NotChangeableError("You may not record games. Ask an instructor.")
    check_key(idempotency_key)
    asked = body_hash(body)
    if earlier := find_by_key(user, idempotency_key, asked):
        return earlier, False
    sent = reading.read_sent_game(user, body)
    try:
        return keep_sent_game(user, sent, idempotency_key, asked), True
    except IntegrityError:
        if earlier := find_by_key(user, idempotency_key, asked):
            return earlier, False  # the other one of two requests at once
        return find_same(user, sent.game), False


def import_games(
    user: User, path: Path, request: dict[str, Any], *, idempotency_key: str | None = None
) -> tuple[Job, bool]:
    """Queue the reading of a file of games. Args: path: taken away if it is taken.

    Returns: (the job, whether this call made it).
    Raises: as `registry.jobs.services.queue_job`.
    """
    file = store_file(path, "application/x-ndjson", move=True)
    asked = {**request, "file": file.pk}
    return jobs.queue_job(user, asked, kind="game_import", idempotency_key=idempotency_key)


def keep_sent_game(user: User, sent: reading.SentGame, key: str | None, asked: str) -> Game:
    versions = reading.versions_of(user, [sent.game])
    keeping = Keeping(user, sent.classroom, consent=sent.consent, versions=versions)
    block = store_search([sent.game])
    row = rows.to_row(sent.game, keeping, given=sent.given)
    row.idempotency_key, row.request_hash = key, asked
    with transaction.atomic():
        attach(block, [row], [sent.game])
        row.save()
    return row


def find_by_key(user: User, key: str | None, asked: str) -> Game | None:
    """Raises: GameConflictError if the key was used with another body."""
    own = Game.objects.filter(owner=user)
    return made_before(own, key, asked, "game", GameConflictError, named_by="uid")


def find_same(user: User, game: PlayedGame) -> Game:
    """The game that has this id. Raises: GameConflictError if it is another one."""
    kept = Game.objects.get(owner=user, given_id=game.id)
    if not same_game(rows.without_search(kept), game):
        raise GameConflictError(
            f"You have another game with the id {game.id!r} (game {kept.uid}). "
            "Give this one an id of its own, or none."
        )
    return kept


def same_game(one: PlayedGame, other: PlayedGame) -> bool:
    """Whether two records tell of one game."""
    return (one.moves, one.winner, one.reason) == (other.moves, other.winner, other.reason)


def store_search(games: Sequence[PlayedGame]) -> Artifact | None:
    """Store what a search found in these games, before any row names it.

    Returns: None if there is nothing of that kind. Raises: DatasetError, OSError.
    """
    from hamlet.datasets.game_blocks import write_block  # brings torch

    searched = [game for game in games if rows.has_search(game)]
    return store_file(write_block(searched), BLOCK_MEDIA_TYPE) if searched else None


def record_games(
    games: Sequence[PlayedGame],
    keeping: Keeping,
    *,
    numbers: Sequence[int] | None = None,
    block: Artifact | None = None,
    given: bool = False,
) -> int:
    """Keep many games in a few statements, inside the caller's transaction.

    Args:
        numbers: of the games within `keeping.origin`; those that are kept already are left out.
        block: what `store_search(games)` gave; only what it returned for exactly these games.
        given: the games have ids of their sender's.
    Returns: how many were new. Raises: IntegrityError if an id is taken.
    """
    named = numbers if numbers is not None else [None] * len(games)
    made = [
        rows.to_row(game, keeping, given=given, number=number)
        for game, number in zip(games, named, strict=True)
    ]
    with transaction.atomic():
        kept = known_numbers(keeping, numbers)
        new = [row for row in made if row.number is None or row.number not in kept]
        if new:
            attach(block, made, games)
            Game.objects.bulk_create(new, batch_size=500)
    return len(new)


def known_numbers(keeping: Keeping, numbers: Sequence[int] | None) -> set[int]:
    if numbers is None or keeping.origin is None:
        return set()
    kept = Game.objects.filter(origin=keeping.origin, number__in=numbers)
    return set(kept.values_list("number", flat=True))


def attach(block: Artifact | None, made: Sequence[Game], games: Sequence[PlayedGame]) -> None:
    """Let rows point at their place in the block."""
    if block is None:
        return
    searched = [index for index, game in enumerate(games) if rows.has_search(game)]
    kept = GameBlock.objects.create(artifact=block, games_count=len(searched))
    for place, index in enumerate(searched):
        made[index].block, made[index].block_index = kept, place
