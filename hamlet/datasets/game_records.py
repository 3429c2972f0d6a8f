"""Game records on the wire, read as if a stranger had sent them, and written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hamlet.datasets.games import AI, HUMAN, REASONS, SOURCES, WINNERS, Game, Player
from hamlet.envs.connect_four.position import CELLS, COLUMNS, NAMES, IllegalMoveError, Position
from hamlet.envs.connect_four.reading import read_position
from hamlet.errors import Problem, SpecError, attempt
from hamlet.schema import (
    Choice,
    Flag,
    Integer,
    ListOf,
    Number,
    Section,
    Text,
    Unread,
    is_finite,
    validate,
)
from hamlet.wording import describe, join

MOST_VISITS = 2**31 - 1
MOST_METADATA = 64
METADATA_KEY, METADATA_TEXT = Text(longest=60), Text(longest=1000)
ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
# The name of a game, wherever it comes from: anything that can be printed.
GAME_NAME = Text(longest=64, pattern=r"(?s).+", shape="a name of the game")
PLAYER = Section(
    {
        "type": Choice(HUMAN, AI),
        "rating": Number(0, 5000, default=None, optional=True),
        "version": Text(default=None, longest=120, optional=True),
    }
)
MOVE = Section(
    {
        "position": Integer(0, COLUMNS - 1),
        "player": Choice("Red", "Yellow", 1, 2, default=None, optional=True),
        "thinking_time_ms": Integer(0, 10**9, default=None, optional=True),
        "board": Unread(default=None, optional=True),
        "visits": ListOf(
            Integer(0, MOST_VISITS),
            shortest=COLUMNS,
            longest=COLUMNS,
            default=None,
            optional=True,
        ),
        "value": Number(-1, 1, default=None, optional=True),
        "explored": Flag(default=False),
    }
)
GAME = Section(
    {
        "id": Text(pattern=ID, shape="up to 64 letters, digits, _ . : or -"),
        "timestamp": Text(longest=40),
        "players": Section({"red": PLAYER, "yellow": PLAYER}),
        "moves": ListOf(MOVE, shortest=1, longest=CELLS),
        "result": Section(
            {"winner": Choice(*WINNERS), "reason": Choice(*REASONS, default="normal")}
        ),
        "source": Choice(*SOURCES, default="import"),
        "mirror_of": Text(default=None, longest=64, optional=True),
        "metadata": Unread(dict, "a mapping", default={}),
    }
)


def read_game(data: Any, path: str = "") -> Game:
    """Read a record and replay it.

    A board that stands with a move is the one before it, and must agree with the replay.

    Raises: SpecError naming every fault, each move by its ply.
    """
    record = validate(GAME, data, path)
    problems: list[Problem] = []
    played_at = attempt(problems, read_time, record["timestamp"], join(path, "timestamp"))
    moves = record["moves"]
    final = _replay(moves, join(path, "moves"), problems)
    if not problems:
        problems += _result_problems(final, record["result"], join(path, "result"))
    problems += _metadata_problems(record["metadata"], join(path, "metadata"))
    if problems:
        raise SpecError(problems)
    thinking = tuple(move["thinking_time_ms"] for move in moves)
    return Game(
        id=record["id"],
        moves=tuple(move["position"] for move in moves),
        winner=WINNERS[record["result"]["winner"]],
        reason=record["result"]["reason"],
        red=Player(**record["players"]["red"]),
        yellow=Player(**record["players"]["yellow"]),
        played_at=played_at,
        source=record["source"],
        visits=_visits(moves),
        values=_values(moves),
        explored=_explored(moves),
        thinking_ms=thinking if any(time is not None for time in thinking) else None,
        mirror_of=record["mirror_of"],
        metadata=record["metadata"],
    )


def write_game(game: Game) -> dict[str, Any]:
    """The record that `read_game` reads; what is not known is left out."""
    moves = []
    for ply, column in enumerate(game.moves):
        move: dict[str, Any] = {"position": column, "player": NAMES[1 + ply % 2]}
        if game.thinking_ms is not None and game.thinking_ms[ply] is not None:
            move["thinking_time_ms"] = game.thinking_ms[ply]
        if game.visits is not None and game.visits[ply].any():
            move["visits"] = game.visits[ply].tolist()
        if game.values is not None and not np.isnan(game.values[ply]):
            move["value"] = float(f"{game.values[ply]:.9g}")
        if game.explored is not None and game.explored[ply]:
            move["explored"] = True
        moves.append(move)
    record = {
        "id": game.id,
        "timestamp": game.played_at.isoformat(),
        "players": {"red": _written(game.red), "yellow": _written(game.yellow)},
        "moves": moves,
        "result": {"winner": game.winner_name, "reason": game.reason},
        "source": game.source,
    }
    if game.mirror_of is not None:
        record["mirror_of"] = game.mirror_of
    return record | ({"metadata": dict(game.metadata)} if game.metadata else {})


def read_time(text: str, path: str) -> datetime:
    """A time of ISO 8601; UTC where no zone is named. Raises: SpecError."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        message = f"found {describe(text)}; expected a time such as 2030-01-31T12:00:00+00:00"
        raise SpecError([Problem(path, message)]) from None


def check_result(final: Position, winner: int, reason: str) -> str | None:
    """What is wrong with a result, given the position after the last move; None if nothing is."""
    ply = final.ply - 1
    if not final.ended:
        if reason == "normal":
            return (
                f"reason normal, but after the last move, ply {ply}, the game is not over; "
                "expected more moves, or reason timeout or resignation"
            )
        return "a game that was resigned has a winner" if winner == 0 and reason[0] == "r" else None
    name, found = NAMES.get(final.winner, "Draw"), NAMES.get(winner, "Draw")
    if winner != final.winner:
        return f"winner {found}, but the board at ply {ply} says {name}"
    if reason != "normal":
        return f"reason {reason}, but the board ended the game at ply {ply}; expected normal"
    return None


def _replay(moves: list[dict], path: str, problems: list[Problem]) -> Position:
    position = Position()
    for ply, move in enumerate(moves):
        here, player = f"{path}[{ply}]", move["player"]
        if player is not None and player not in (position.player, NAMES[position.player]):
            message = (
                f"ply {ply}: found {player}; expected {NAMES[position.player]}, who is to move"
            )
            problems.append(Problem(join(here, "player"), message))
        if move["board"] is not None:
            given = attempt(problems, _board, move["board"], here)
            if given is not None and given != position:
                message = f"ply {ply}: the board differs from the one that the moves before it give"
                problems.append(Problem(join(here, "board"), message))
        try:
            position = position.play(move["position"])
        except IllegalMoveError as error:
            problems.append(Problem(join(here, "position"), f"ply {ply}: {error}"))
            return position
    return position


def _board(board: Any, path: str) -> Position:
    return read_position(board, path=path)


def _result_problems(final: Position, result: dict, path: str) -> Iterator[Problem]:
    fault = check_result(final, WINNERS[result["winner"]], result["reason"])
    if fault:
        yield Problem(path, f"found {fault}")


def _metadata_problems(metadata: dict, path: str) -> Iterator[Problem]:
    if len(metadata) > MOST_METADATA:
        yield Problem(path, f"found {len(metadata)} entries; expected at most {MOST_METADATA}")
    problems: list[Problem] = []
    for key, value in list(metadata.items())[:MOST_METADATA]:
        before, here = len(problems), join(path, key)
        METADATA_KEY.read(key, path, problems)
        if len(problems) > before:
            continue
        if isinstance(value, str):
            METADATA_TEXT.read(value, here, problems)
        elif not isinstance(value, int | float | bool | None):
            message = f"found {describe(value)}; expected a number, text up to 1000, true or false"
            problems.append(Problem(here, message))
        elif value is not None and not is_finite(value):
            problems.append(Problem(here, f"found {describe(value)}; expected a finite number"))
    yield from problems


def _visits(moves: list[dict]) -> np.ndarray | None:
    if all(move["visits"] is None for move in moves):
        return None
    return np.array([move["visits"] or [0] * COLUMNS for move in moves], dtype=np.int32)


def _values(moves: list[dict]) -> np.ndarray | None:
    if all(move["value"] is None for move in moves):
        return None
    values = [np.nan if move["value"] is None else move["value"] for move in moves]
    return np.array(values, dtype=np.float32)


def _explored(moves: list[dict]) -> np.ndarray | None:
    flags = [move["explored"] for move in moves]
    return np.array(flags) if any(flags) else None


def _written(player: Player) -> dict[str, Any]:
    return {name: value for name, value in vars(player).items() if value is not None}
