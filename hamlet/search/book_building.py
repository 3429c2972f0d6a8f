"""Solve all openings up to some number of stones, and go on after an interruption.

Only positions with exactly that many stones are searched, in the order of a game tree, so that
neighbours find each other's answers in the table; those with fewer follow from them. Each answer
goes to a file beside the book before the next is asked for.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hamlet.envs.connect_four.position import Position
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.search.opening_book import OpeningBook, make_book, write_book
from hamlet.search.solver import Solver
from hamlet.search.solver_kernel import BEST
from hamlet.search.solver_limits import NO_LIMITS, Limits

MOST_PLIES = 12
TABLE_MIB = 128
AT_ONCE = 1  # positions for each worker between two writes: one may take a minute
HEAD = struct.Struct("<8sI")
RECORD = struct.Struct("<qbI")  # canonical key, score, crc32 of both
MAGIC = b"HC4PART1"


def build_book(
    path: str | Path,
    plies: int,
    *,
    workers: int = 1,
    table_mib: int = TABLE_MIB,
    limits: Limits = NO_LIMITS,
    on_progress: Callable[[int, int], None] | None = None,
) -> OpeningBook:
    """Write the book of all positions of at most `plies` stones.

    Args:
        path: of the book. What is solved is kept in `<path>.partial` until the book is whole; a
            later call with the same plies goes on from there.
        workers: threads, each with a table of `table_mib`.
        limits: of this call; when they are reached, what was solved so far is kept.
        on_progress: called with (solved, all), of the positions that are searched.
    Raises: SpecError for plies out of range; SolveTimeout, SolveCancelled; OSError.
    """
    if isinstance(plies, bool) or not isinstance(plies, int) or not 1 <= plies <= MOST_PLIES:
        message = f"found {describe(plies)}; expected 1 to {MOST_PLIES} stones"
        raise SpecError([Problem("plies", message)])
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    levels = openings(plies)
    solver = Solver(table_mib=table_mib, tables=workers, book=None)
    scores = read_partial(partial, plies)
    deepest = [position for key, position in levels[-1].items() if key not in scores]
    total, step = len(levels[-1]), AT_ONCE * workers
    with open(partial, "r+b" if scores else "wb") as file:
        if scores:
            file.seek(HEAD.size + len(scores) * RECORD.size)
            file.truncate()
        else:
            file.write(HEAD.pack(MAGIC, plies))
        for begin in range(0, len(deepest), step):
            some = deepest[begin : begin + step]
            solved = solver.solve_batch(some, workers, limits)
            append(file, scores, some, solved)
            if on_progress:
                on_progress(len(scores), total)
    book = write_book(path, make_book(with_earlier(levels, scores), plies))
    partial.unlink()
    return book


def openings(plies: int) -> list[dict[int, Position]]:
    """By number of stones 0 to `plies`: each position up to mirror images in which the game is not
    over, by canonical key, children of one parent side by side."""
    levels = [{0: Position()}]
    for _ in range(plies):
        following: dict[int, Position] = {}
        for position in levels[-1].values():
            for column in position.legal_columns():
                successor = position.play(column)
                if not successor.ended:
                    following.setdefault(successor.canonical_key, successor)
        levels.append(following)
    return levels


def with_earlier(levels: Sequence[dict[int, Position]], scores: dict[int, int]) -> dict[int, int]:
    """Scores of all levels from those of the deepest: the best over the columns."""
    scores = dict(scores)
    for level in reversed(levels[:-1]):
        for key, position in level.items():
            successors = [position.play(column) for column in position.legal_columns()]
            scores[key] = max(
                BEST + 1 - (after.ply + 1) // 2 if after.winner else -scores[after.canonical_key]
                for after in successors
            )
    return scores


def append(file, scores: dict[int, int], positions: Sequence[Position], solved: list[int]) -> None:
    for position, score in zip(positions, solved, strict=True):
        key = position.canonical_key
        scores[key] = score
        file.write(record(key, score))
    file.flush()


def record(key: int, score: int) -> bytes:
    body = RECORD.pack(key, score, 0)[:9]
    return body + struct.pack("<I", zlib.crc32(body))


def read_partial(path: Path, plies: int) -> dict[int, int]:
    """Scores by canonical key, up to the first record that is cut off or damaged. A file for other
    plies counts as none."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    if content[: HEAD.size] != HEAD.pack(MAGIC, plies):
        return {}
    scores: dict[int, int] = {}
    for begin in range(HEAD.size, len(content) - RECORD.size + 1, RECORD.size):
        key, score, _ = RECORD.unpack_from(content, begin)
        if content[begin : begin + RECORD.size] != record(key, score) or key in scores:
            break
        scores[key] = score
    return scores
