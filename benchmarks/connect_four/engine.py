"""How many moves a second our engine makes, beside OpenSpiel's states in the same process.

    python -m benchmarks.connect_four.engine [--quick] [--json FILE]

Everybody plays whole games of random moves. `ours, batched` draws and plays one move in all games
at once, finished games being reset; `ours, in search` is the NumPy form that search uses;
`ours, one position` is the readable reference in plain Python. OpenSpiel's states are C++, used
from Python, one by one: there is no batched form.
"""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from benchmarks.command import add_timing, begin, parser_for
from benchmarks.measuring import rate, ratio, take_turns
from benchmarks.report import Table, verdict
from hamlet.envs.connect_four.batch import ConnectFourBatch
from hamlet.envs.connect_four.position import Position
from hamlet.search.boards import Boards
from hamlet.search.players import one_of

BATCHED, SEARCH, SINGLE = "ours, batched", "ours, in search", "ours, one position"
PEER = "OpenSpiel from Python"
GOAL = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "connect_four.engine", "Moves of Connect Four per second, beside OpenSpiel."
    )
    parser.add_argument("--games", nargs="+", type=int, default=[64, 1024, 16384])
    add_timing(parser, seconds=2.0)
    quick = {"seconds": 0.1, "games": [8]}
    options, report = begin(parser, argv, quick=quick, packages=["numba", "open_spiel"])
    report.add(compare(options))
    report.end()
    return 0


def compare(options: Namespace) -> Table:
    table = Table("Moves per second, random games", notes=NOTES.copy())
    runs: dict[str, Callable[[], int]] = {SINGLE: single(options.seed)}
    for count in options.games:
        runs[f"{BATCHED}, {count:,} games"] = batched(count, options.seed)
        runs[f"{SEARCH}, {count:,} games"] = in_search(count, options.seed)
    try:
        from benchmarks.peers.open_spiel_players import random_games

        runs[PEER] = random_games(options.seed)
    except ImportError as error:
        table.notes.append(f"{PEER}: not measured ({error})")
    timed = {}
    for name, run in runs.items():
        run()  # compiles
        timed[name] = partial(rate, run, options.seconds, clock=options.clock)
    found = take_turns(timed, options.rounds, unit="moves/s")
    for name, spread in found.items():
        row = {"who": name, "moves/s": spread}
        if PEER in found and name != PEER:
            gain = ratio(spread, found[PEER])
            row |= {f"/ {PEER}": gain, "goal": verdict(gain, GOAL)}
        table.rows.append(row)
    return table


NOTES = ["each cell: median (lowest to highest) of the rounds; drawing the moves is part of it"]


def batched(count: int, seed: int) -> Callable[[], int]:
    games = ConnectFourBatch(count, "cpu")
    generator = torch.Generator().manual_seed(seed)

    def work() -> int:
        weights = games.legal().float()
        columns = torch.multinomial(weights, 1, generator=generator)[:, 0]
        ended, _ = games.step(columns)
        rows = ended.nonzero()[:, 0]
        if len(rows):
            games.reset(rows)
        return count

    return work


def in_search(count: int, seed: int) -> Callable[[], int]:
    table = {"boards": Boards.empty(count)}
    generator = np.random.default_rng(seed)

    def work() -> int:
        boards = table["boards"]
        boards = boards.play(one_of(boards.legal(), generator))
        ended = boards.ended()
        boards.own[ended] = boards.occupied[ended] = 0
        table["boards"] = boards
        return count

    return work


def single(seed: int) -> Callable[[], int]:
    generator = random.Random(seed)

    def work() -> int:
        position = Position()
        while legal := position.legal_columns():
            position = position.play(generator.choice(legal))
        return position.ply

    return work


if __name__ == "__main__":
    sys.exit(main())
