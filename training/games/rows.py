"""Between a game of the library and its row; search data comes from the file of its block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid4, uuid5

from hamlet.datasets.games import Game as PlayedGame
from hamlet.datasets.games import Player
from hamlet.datasets.packing import pack_moves, unpack_moves
from registry.artifacts.store import open_artifact
from registry.models import Classroom, ModelVersion, User
from training.games.models import Game, GameBlock
from training.models import Run


@dataclass(frozen=True)
class Keeping:
    """Whose games are, where they come from, and who may see them.

    Attributes:
        origin: id of the run or job that plays them, in which each has a number.
        consent: of the humans who took part; see `Game.consent`.
        versions: what the players' versions, in the words of the record, stand for.
    """

    owner: User | None
    classroom: Classroom | None = None
    run: Run | None = None
    origin: UUID | None = None
    consent: bool | None = None
    versions: Mapping[str, ModelVersion] | None = None


def to_row(
    game: PlayedGame, keeping: Keeping, *, given: bool = True, number: int | None = None
) -> Game:
    """A row that is not saved yet.

    Args: given: the game's id is its sender's, not made by us. number: within the origin.
    """
    versions = keeping.versions or {}
    return Game(
        uid=uuid4() if number is None else uid_of(keeping.origin, number),
        number=number,
        given_id=game.id if given else None,
        source=game.source,
        owner=keeping.owner,
        classroom=keeping.classroom,
        run=keeping.run,
        origin=keeping.origin,
        red_type=game.red.type,
        red_rating=game.red.rating,
        red_name=game.red.version or "",
        red_version=versions.get(game.red.version or ""),
        yellow_type=game.yellow.type,
        yellow_rating=game.yellow.rating,
        yellow_name=game.yellow.version or "",
        yellow_version=versions.get(game.yellow.version or ""),
        moves=pack_moves(game.moves),
        plies=game.plies,
        winner=game.winner,
        reason=game.reason,
        thinking_ms=None if game.thinking_ms is None else list(game.thinking_ms),
        mirror_of=game.mirror_of or "",
        consent=keeping.consent if game.human else None,
        metadata=dict(game.metadata),
        played_at=game.played_at,
    )


def uid_of(origin: UUID, number: int) -> UUID:
    """The id of a game of a run or job, the same whenever it is asked for."""
    return uuid5(origin, str(number))


def as_uuid(text: str) -> UUID | None:
    """None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def id_of(row: Game, reader: int | None = None) -> str:
    """As the game is called outside: by the id that it came with, else by ours.

    Args:
        reader: id of a user to whom only the ids count that came from that user, so that those of
            two senders never meet.
    """
    if row.given_id and reader in (None, row.owner_id):
        return row.given_id
    return str(row.uid)


def without_search(row: Game, reader: int | None = None) -> PlayedGame:
    """The game, but for what a search found about its positions. Args: reader: as in `id_of`."""
    return PlayedGame(
        id=id_of(row, reader),
        moves=tuple(unpack_moves(bytes(row.moves))),
        winner=row.winner,
        reason=row.reason,
        red=Player(row.red_type, row.red_rating, row.red_name or None),
        yellow=Player(row.yellow_type, row.yellow_rating, row.yellow_name or None),
        played_at=row.played_at,
        source=row.source,
        thinking_ms=None if row.thinking_ms is None else tuple(row.thinking_ms),
        mirror_of=row.mirror_of or None,
        metadata=row.metadata,
    )


def with_search(rows: Iterable[Game], reader: int | None = None) -> Iterator[PlayedGame]:
    """The games whole. Rows of one block that stand together open its file once.

    Args: reader: as in `id_of`.
    Raises: ArtifactDamagedError, DatasetError.
    """
    open_block: int | None = None
    searched: list[PlayedGame] = []
    for row in rows:
        game = without_search(row, reader)
        if row.block_id is None:
            yield game
            continue
        if row.block_id != open_block:
            searched = open_games(row.block)
            open_block = row.block_id
        found = searched[row.block_index]
        yield replace(game, visits=found.visits, values=found.values, explored=found.explored)


def open_games(block: GameBlock) -> list[PlayedGame]:
    from hamlet.datasets.game_blocks import read_block  # brings torch

    return read_block(open_artifact(block.artifact))


def has_search(game: PlayedGame) -> bool:
    return any(found is not None for found in (game.visits, game.values, game.explored))
