"""Examples as people and programs send them, checked one by one; a fault names its example.

An example is {board: {board, player?}, move, value, policy?, weight?, game_id?, ply?}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hamlet.datasets.game_records import GAME_NAME
from hamlet.datasets.rows import (
    FLIPPED,
    IMAGE,
    LOOSE,
    NOISY,
    SMOOTHED,
    SOURCES,
    UNKNOWN,
    empty_rows,
    legal_columns,
)
from hamlet.envs.connect_four.position import CELLS, COLUMNS, NAMES
from hamlet.envs.connect_four.reading import read_position
from hamlet.envs.connect_four.reading_many import boards_of_digits, read_positions
from hamlet.errors import InputError, Problem, SpecError, attempt
from hamlet.schema import Choice, Integer, ListOf, Number, Section, Text, Unread
from hamlet.wording import describe, join

MOST_PROBLEMS = 20
POLICY_TOLERANCE = 1e-3  # by how much a policy may miss 1
ROUNDING = 1e-5  # below it a policy is taken as it is, since scaling would change its last bits
# Weights are kept as float32, in which the least one is exact; what is less may become 0 there.
LEAST_WEIGHT, HIGHEST_WEIGHT = 2.0**-30, 1e9
HIGHEST_SUM = 1e19  # of the weights of as many examples as can be merged
ANY_COPY = FLIPPED | NOISY | SMOOTHED | IMAGE
OUTCOMES = {"win": 1, "draw": 0, "loss": -1, "unknown": UNKNOWN}

BOARD = Section({"board": Unread(), "player": Unread(default=None, optional=True)})
GIVEN = {
    "board": Unread(),
    "move": Integer(0, COLUMNS - 1),
    "value": Number(-1, 1),
    "policy": ListOf(Number(0, 1), shortest=COLUMNS, longest=COLUMNS, default=None, optional=True),
    "weight": Number(LEAST_WEIGHT, HIGHEST_WEIGHT, 1.0),
    "game_id": Text(
        None,
        longest=GAME_NAME.longest,
        pattern=GAME_NAME.pattern,
        shape=GAME_NAME.shape,
        optional=True,
    ),
    "ply": Integer(0, CELLS - 1, None, optional=True),
}
# What an exported dataset says besides.
STORED = {
    "weight": Number(LEAST_WEIGHT, HIGHEST_SUM, 1.0),
    "count": Integer(1, 2**31 - 1, 1),
    "spread": Number(0, 2, 0.0),
    "outcome": Choice(*OUTCOMES, default="unknown"),
    "source": Choice(*SOURCES, default="given"),
    "copy": Integer(0, ANY_COPY, 0),
}
EXAMPLE, STORED_EXAMPLE = Section(GIVEN), Section(GIVEN | STORED)
DEFAULTS = {name: reader.default for name, reader in (GIVEN | STORED).items()}
REAL = (float, int)
SIMPLE_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def read_examples(
    data: Any, *, path: str = "examples", first: int = 0, stored: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Read examples.

    Args:
        data: a list of one example or more.
        path: what the list is called in messages. first: the index of its first example.
        stored: they come from an exported dataset: its further fields are known, one game may
            give a position twice, and a policy may be all 0, which is no target.

    Returns: rows, and the game ids that their column `game` refers to.
    Raises: InputError naming the index of each of the first wrong examples and what is wrong.
    """
    if not isinstance(data, list) or not data:
        found = "no examples" if data == [] else describe(data)
        raise InputError([Problem(path, f"found {found}; expected a list of one or more")])
    paths = _Paths(path, first)
    problems: list[Problem] = []
    schema = STORED_EXAMPLE if stored else EXAMPLE
    entries = [
        _plain(entry, schema) or schema.read(entry, paths[index], problems)
        for index, entry in enumerate(data)
    ]
    _refuse(problems, path)
    rows = empty_rows(len(entries))
    _read_boards(entries, rows, paths)
    ids = _fill(entries, rows, stored=stored)
    checks = [*_move_problems(rows, paths), *_policy_problems(entries, rows, paths, stored=stored)]
    checks += _ply_problems(entries, rows, paths)
    if not stored:
        checks += _twins(entries, paths)
    _refuse(checks, path)
    return rows, ids


def _plain(entry: Any, schema: Section) -> dict | None:
    """The example with its defaults if nothing is wrong with it at first sight, in a tenth of the
    time that the schema takes; None where the schema is to look, and to say what is wrong."""
    if type(entry) is not dict or not entry.keys() <= schema.fields.keys():
        return None
    read = DEFAULTS | entry
    policy, ply, game_id = read["policy"], read["ply"], read["game_id"]
    good = (
        "board" in entry
        and type(read["move"]) is int
        and 0 <= read["move"] < COLUMNS
        and type(read["value"]) in REAL
        and -1 <= read["value"] <= 1
        and type(read["weight"]) in REAL
        and LEAST_WEIGHT <= read["weight"] <= HIGHEST_WEIGHT
        and (policy is None or (type(policy) is list and len(policy) == COLUMNS))
        and (policy is None or all(type(part) in REAL and 0 <= part <= 1 for part in policy))
        and (ply is None or (type(ply) is int and 0 <= ply < CELLS))
        and (game_id is None or (type(game_id) is str and SIMPLE_NAME.fullmatch(game_id)))
        and type(read["count"]) is type(read["copy"]) is int
        and 1 <= read["count"] < 2**31
        and 0 <= read["copy"] <= ANY_COPY
        and type(read["spread"]) in REAL
        and 0 <= read["spread"] <= 2
        and type(read["outcome"]) is type(read["source"]) is str
        and read["outcome"] in OUTCOMES
        and read["source"] in SOURCES
    )
    return read if good else None


class _Paths:
    """`examples[17]` for the example of index 17 in what was sent."""

    def __init__(self, path: str, first: int) -> None:
        self.path, self.first = path, first

    def __getitem__(self, index: int) -> str:
        return f"{self.path}[{self.first + index}]"


def _refuse(problems: Sequence[Problem], path: str) -> None:
    if not problems:
        return
    shown = list(problems[:MOST_PROBLEMS])
    if len(problems) > MOST_PROBLEMS:
        shown.append(Problem(path, f"{len(problems) - MOST_PROBLEMS} more faults"))
    raise InputError(shown)


def _read_boards(entries: list[dict], rows: np.ndarray, paths: _Paths) -> None:
    """All of 42 digits at once, others one by one."""
    boards = [entry["board"] for entry in entries]
    given = [board if isinstance(board, Mapping) else {"board": board} for board in boards]
    texts = [board.get("board") for board in given]
    players = [board.get("player") for board in given]
    plain = all(board.keys() <= BOARD.fields.keys() for board in given) and all(
        player is None or (type(player) is int and player in NAMES) for player in players
    )
    if plain and all(isinstance(text, str) and len(text) == CELLS for text in texts):
        try:
            named = np.array([player or 0 for player in players], dtype=np.int64)
            cells = boards_of_digits(texts)
            rows["own"], rows["occupied"] = read_positions(cells, named, playable=True)
            return
        except SpecError:
            pass  # said below, with the path of the example
    problems: list[Problem] = []
    for index, board in enumerate(boards):
        position = attempt(problems, _read_board, board, paths[index])
        if position is not None:
            rows["own"][index], rows["occupied"][index] = position.own, position.occupied
    _refuse(problems, paths.path)


def _read_board(board: Any, path: str) -> Any:
    if not isinstance(board, Mapping):
        return read_position(board, playable=True, path=path)
    problems: list[Problem] = []
    here = join(path, "board")
    read = BOARD.read(board, here, problems)
    if problems:
        raise InputError(problems)
    return read_position(read["board"], read["player"], playable=True, path=here)


def _fill(entries: list[dict], rows: np.ndarray, *, stored: bool) -> list[str]:
    for name in ("move", "value", "weight", *(("count", "spread", "copy") if stored else ())):
        rows[name] = [entry[name] for entry in entries]
    rows["source"] = SOURCES.index("given")
    if stored:
        rows["outcome"] = [OUTCOMES[entry["outcome"]] for entry in entries]
        rows["source"] = [SOURCES.index(entry["source"]) for entry in entries]
    one_hot = np.eye(COLUMNS, dtype=np.float32)
    rows["policy"] = [
        one_hot[entry["move"]] if entry["policy"] is None else entry["policy"] for entry in entries
    ]
    numbers: dict[str, int] = {}
    rows["game"] = [
        LOOSE if entry["game_id"] is None else numbers.setdefault(entry["game_id"], len(numbers))
        for entry in entries
    ]
    return list(numbers)


def _move_problems(rows: np.ndarray, paths: _Paths) -> Iterator[Problem]:
    legal = legal_columns(rows["occupied"])
    for index in np.flatnonzero(~legal[np.arange(len(rows)), rows["move"]]):
        open_columns = ", ".join(map(str, np.flatnonzero(legal[index])))
        message = f"found {rows['move'][index]}, a full column; columns {open_columns} are open"
        yield Problem(join(paths[index], "move"), message)


def _policy_problems(
    entries: list[dict], rows: np.ndarray, paths: _Paths, *, stored: bool
) -> Iterator[Problem]:
    """What is wrong with policies; those that miss 1 by a rounding error are scaled."""
    policy = rows["policy"].astype(np.float64)
    total = policy.sum(axis=1)
    given = np.array([entry["policy"] is not None for entry in entries])
    none = ~given | ((total == 0) & stored)
    closed = np.where(legal_columns(rows["occupied"]), 0.0, policy)
    astray = closed.sum(axis=1)
    for index in np.flatnonzero((np.abs(total - 1) > POLICY_TOLERANCE) & ~none):
        message = f"sums to {total[index]:.6g}; expected 1"
        yield Problem(join(paths[index], "policy"), message)
    for index in np.flatnonzero((astray > POLICY_TOLERANCE) & given):
        columns = ", ".join(map(str, np.flatnonzero(closed[index])))
        message = f"gives {astray[index]:.6g} to full columns ({columns}); expected 0 there"
        yield Problem(join(paths[index], "policy"), message)
    off = ((np.abs(total - 1) > ROUNDING) | (astray > 0)) & ~none
    if off.any():
        kept = (policy - closed)[off]
        rows["policy"][off] = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-9)


def _ply_problems(entries: list[dict], rows: np.ndarray, paths: _Paths) -> Iterator[Problem]:
    stones = np.bitwise_count(rows["occupied"]).tolist()
    for index, entry in enumerate(entries):
        if entry["ply"] is not None and entry["ply"] != stones[index]:
            message = f"found {entry['ply']}; the board has {stones[index]} stones"
            yield Problem(join(paths[index], "ply"), message)


def _twins(entries: list[dict], paths: _Paths) -> Iterator[Problem]:
    """The same ply of the same game twice."""
    seen: dict[tuple[str, int], int] = {}
    for index, entry in enumerate(entries):
        if entry["game_id"] is None or entry["ply"] is None:
            continue
        place = (entry["game_id"], entry["ply"])
        if place in seen:
            message = (
                f"game {describe(place[0])}, ply {place[1]} stands at {paths[seen[place]]} already"
            )
            yield Problem(join(paths[index], "game_id"), message)
        seen.setdefault(place, index)
