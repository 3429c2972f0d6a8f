"""Games as lines of JSON, one record each, there and back without holding all in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from hamlet.datasets.game_records import read_game, write_game
from hamlet.datasets.games import Game
from hamlet.datasets.text_lines import without_mark
from hamlet.errors import InputError, Problem
from hamlet.json_documents import read_json

LONGEST_LINE = 1_000_000


def write_games(games: Iterable[Game]) -> Iterator[bytes]:
    for game in games:
        yield json.dumps(write_game(game), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_games(lines: Iterable[str]) -> Iterator[Game]:
    """Empty lines are passed over.

    Raises: SpecError for the first wrong record, its faults led by the number of the line.
    """
    for number, line in enumerate(without_mark(lines), start=1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            message = f"found {len(line)} characters; expected at most {LONGEST_LINE}"
            raise InputError([Problem(f"line {number}", message)])
        try:
            data = read_json(line)
        except ValueError as error:
            raise InputError([Problem(f"line {number}", f"not JSON ({error})")]) from None
        yield read_game(data, f"line {number}")
