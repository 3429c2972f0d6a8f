"""How many positions a second the solver solves, by phase of the game, beside bitbully.

    python -m benchmarks.connect_four.solver [--quick] [--json FILE]

Both get the same positions, made by even draws, in the same order, on one core and without an
opening book, and both begin every turn with an empty table, which then serves all positions of the
turn. Every score of ours is compared with the peer's outside the measured time.

bitbully is C++, called from Python position by position; ours gets the positions as one list and
one by one. It is licensed under the AGPL, and installed for this comparison alone.
"""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.command import begin, parser_for, positive
from benchmarks.measuring import CLOCKS, Spread, ratio, take_turns
from benchmarks.report import Table
from hamlet.envs.connect_four.position import Position
from hamlet.search.solver import Solver, warm_up

OURS, SINGLE, PEER = "ours", "ours, one by one", "bitbully"
# Stones on the board: positions of one turn. Early ones take up to seconds each.
PHASES = {8: 4, 10: 10, 12: 40, 14: 80, 18: 400, 22: 1000, 26: 2000, 30: 2000, 34: 2000}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("solver", "Positions of Connect Four solved per second, beside bitbully.")
    parser.add_argument("--stones", nargs="+", type=int, default=list(PHASES), choices=PHASES)
    parser.add_argument("--share", type=positive, default=1, help="take one in so many positions")
    parser.add_argument("--table-mib", type=positive, default=32, help="of our table")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: on a busy machine")
    quick = {"stones": [18, 30], "share": 50}
    options, report = begin(parser, argv, quick=quick, packages=["numba", "bitbully"])
    warm_up()
    report.add(compare(options))
    report.end()
    return 0


def compare(options: Namespace) -> Table:
    """A row for each phase."""
    table = Table("Positions solved per second, one core, no book", notes=NOTES.copy())
    peer = None
    try:
        from bitbully import bitbully_core as peer
    except ImportError as error:
        table.notes.append(f"{PEER}: not measured ({error})")
    for stones in options.stones:
        count = max(2, PHASES[stones] // options.share)
        positions = drawn(stones, count, options.seed)
        contestants = {OURS: together(positions, options), SINGLE: one_by_one(positions, options)}
        if peer is not None:
            contestants[PEER] = by_peer(peer, positions, options)
        found = take_turns(contestants, options.rounds, unit="positions/s")
        table.rows.append(row(stones, positions, found, options, peer))
    return table


NOTES = [
    "each cell: median (lowest to highest) of the rounds; ratios are taken round by round",
    "nodes: positions looked at in our search, those answered from the table included",
]


def row(
    stones: int,
    positions: list[Position],
    found: dict[str, Spread],
    options: Namespace,
    peer: Any,
) -> dict[str, Any]:
    nodes = count_nodes(positions, options)
    cells = {
        "stones": stones,
        "positions": len(positions),
        **found,
        "nodes / position": nodes / len(positions),
        "nodes/s": Spread(tuple(v * nodes / len(positions) for v in found[OURS].values)),
    }
    if peer is None:
        return cells
    scores = new_solver(options).solve_batch(positions)
    agent = peer.BitBullyCore()
    same = sum(
        agent.mtdf(peer_board(peer, position), 0) == score
        for position, score in zip(positions, scores, strict=True)
    )
    return cells | {
        f"{OURS} / {PEER}": ratio(found[OURS], found[PEER]),
        "same scores": f"{same} of {len(positions)}",
    }


def new_solver(options: Namespace) -> Solver:
    return Solver(table_mib=options.table_mib, tables=1, book=None)


def ready_solver(options: Namespace) -> Solver:
    """With its table in memory, as the peer's is once it was made."""
    solver = new_solver(options)
    solver.solve(Position.after([3, 2, 3, 2, 3, 2]))
    solver.forget()
    return solver


def together(positions: list[Position], options: Namespace) -> Callable[[], float]:
    solver = ready_solver(options)

    def turn() -> float:
        solver.forget()
        return timed(partial(solver.solve_batch, positions), positions, options)

    return turn


def one_by_one(positions: list[Position], options: Namespace) -> Callable[[], float]:
    solver = ready_solver(options)

    def turn() -> float:
        solver.forget()
        return timed(lambda: [solver.solve(p) for p in positions], positions, options)

    return turn


def by_peer(peer: Any, positions: list[Position], options: Namespace) -> Callable[[], float]:
    boards = [peer_board(peer, position) for position in positions]
    agent = peer.BitBullyCore()

    def turn() -> float:
        agent.resetTranspositionTable()
        return timed(lambda: [agent.mtdf(board, 0) for board in boards], positions, options)

    return turn


def peer_board(peer: Any, position: Position) -> Any:
    """The same stones, by column from the left and from the bottom up."""
    rows = position.board()
    board = peer.BoardCore()
    if not board.setBoard(
        [[rows[5 - height][column] for height in range(6)] for column in range(7)]
    ):
        raise ValueError(f"bitbully refused {position}; expected it to take any legal position")
    return board


def timed(work: Callable[[], object], positions: list[Position], options: Namespace) -> float:
    """Positions per second of one pass."""
    now = CLOCKS[options.clock]
    start = now()
    work()
    return len(positions) / (now() - start)


def count_nodes(positions: list[Position], options: Namespace) -> int:
    """Of one pass."""
    solver = new_solver(options)
    solver.solve_batch(positions)
    return solver.nodes


def drawn(stones: int, count: int, seed: int) -> list[Position]:
    """Positions with so many stones in which the game goes on, by even draws."""
    generator = random.Random(f"{seed}/{stones}")
    found: list[Position] = []
    while len(found) < count:
        position = Position()
        while position.ply < stones and not position.ended:
            position = position.play(generator.choice(position.legal_columns()))
        if not position.ended:
            found.append(position)
    return found


if __name__ == "__main__":
    sys.exit(main())
