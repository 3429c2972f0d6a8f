"""How many simulations a second our searches do, beside OpenSpiel's in the same process.

    python -m benchmarks.connect_four.search [--quick] [--json FILE]

- Random playouts: MCTS from the empty board, ours compiled by numba, OpenSpiel's in C++ and Python.
- Self-play with a network of 64 channels and 4 blocks, 100 simulations per move: ours in fp32 and
  bf16, with and without shared evaluations and kept trees; OpenSpiel's Python AlphaZero as it is
  shipped, and with its inference in one compiled call, which is the honest bar. OpenSpiel keeps the
  evaluations of 65,536 positions in either case.

Contestants take turns. On a machine that is not quiet take --clock cpu: it counts the time of all
threads of this process, of which torch has --threads.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from benchmarks.command import add_timing, begin, parser_for
from benchmarks.measuring import CLOCKS, Spread, rate, ratio, take_turns
from benchmarks.report import Table, verdict
from hamlet.brains.compiling import compile_brain
from hamlet.brains.spec import BrainSpec
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.search.boards import Boards
from hamlet.search.evaluators import NetworkEvaluator, UniformEvaluator
from hamlet.search.rollouts import search_by_rollouts
from hamlet.search.self_play import SelfPlay, SelfPlaySettings

OURS, CPP, PYTHON = "ours", "OpenSpiel C++", "OpenSpiel Python"
SHIPPED, COMPILED = "OpenSpiel AlphaZero, as shipped", "OpenSpiel AlphaZero, compiled inference"
PLAIN, BF16 = "ours, fp32", "ours, bf16"
SHARED = "ours, bf16, shared evaluations"
KEPT = "ours, bf16, shared evaluations, kept trees"
CHANNELS, BLOCKS, SIMULATIONS = 64, 4, 100
ROLLOUTS = 1_000
GOALS = {"rollouts": 0.5, "self-play": 2.0}
MISSING = "not measured: pip install -r requirements-bench.txt"


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("connect_four.search", "Searches of Connect Four, beside OpenSpiel.")
    parser.add_argument("--parallel", type=int, default=256, help="our games side by side")
    add_timing(parser, seconds=5.0)
    quick = {"seconds": 0.2, "parallel": 8}
    packages = ["numba", "open_spiel", "jax", "flax"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    report.add(rollouts(options))
    report.add(self_play(options))
    report.end()
    return 0


def rollouts(options: Namespace) -> Table:
    runs: dict[str, Callable[[], int]] = {OURS: partial(our_rollouts, 8, options.seed)}
    notes = [f"{ROLLOUTS:,} simulations of one random playout each, from the empty board"]
    try:
        from benchmarks.peers.open_spiel_players import cpp_rollouts, python_rollouts

        runs[CPP] = cpp_rollouts(ROLLOUTS, options.seed)
        runs[PYTHON] = python_rollouts(ROLLOUTS, options.seed)
    except ImportError as error:
        notes.append(f"OpenSpiel: {MISSING} ({error})")
    timed = {
        name: partial(rate, run, options.seconds, clock=options.clock, at_least=1)
        for name, run in runs.items()
    }
    our_rollouts(1, options.seed)  # compiles
    found = take_turns(timed, options.rounds, unit="simulations/s")
    row: dict = dict(found)
    if CPP in found:
        gain = ratio(found[OURS], found[CPP])
        row |= {f"{OURS} / {CPP}": gain, "goal": verdict(gain, GOALS["rollouts"])}
        row |= {f"{OURS} / {PYTHON}": ratio(found[OURS], found[PYTHON])}
    return Table("MCTS with random playouts: simulations per second", [row], notes)


def our_rollouts(positions: int, seed: int) -> int:
    seeds = np.arange(positions) + seed
    search_by_rollouts(Boards.empty(positions), ROLLOUTS, seeds)
    return positions * ROLLOUTS


@dataclass
class Counted:
    """A contestant of the second table. counts: () -> (simulations, moves, games) so far."""

    work: Callable[[], object]
    counts: Callable[[], tuple[int, int, int]]
    moves: list[float] = field(default_factory=list)
    games: list[float] = field(default_factory=list)

    def simulations(self, seconds: float, clock: str) -> float:
        """Simulations per second; moves and games per second are noted."""
        now = CLOCKS[clock]
        before, begun, wall = self.counts(), now(), time.perf_counter()
        while True:
            self.work()
            if time.perf_counter() - wall >= seconds:
                break
        spent = now() - begun
        done = [(late - early) / spent for late, early in zip(self.counts(), before, strict=True)]
        self.moves.append(done[1])
        self.games.append(done[2])
        return done[0]


def self_play(options: Namespace) -> Table:
    network, weights = our_network(options.seed)
    contestants = {
        PLAIN: ours(network, options, "fp32"),
        BF16: ours(network, options, "bf16"),
        SHARED: ours(network, options, "bf16", transposition=True),
        KEPT: ours(network, options, "bf16", transposition=True, reuse_tree=True),
    }
    notes = [f"weights: ours {weights:,}", network_difference(network)]
    try:
        for name, compiled in ((COMPILED, True), (SHIPPED, False)):
            contestants[name], size = theirs(options, compiled=compiled)
        notes[0] += f", OpenSpiel {size:,}"
    except ImportError as error:
        notes.append(f"OpenSpiel AlphaZero: {MISSING} ({error})")
    for contestant in contestants.values():
        contestant.simulations(min(1.0, options.seconds), "wall")  # compiles
        contestant.moves.clear()
        contestant.games.clear()
    timed = {
        name: partial(contestant.simulations, options.seconds, options.clock)
        for name, contestant in contestants.items()
    }
    found = take_turns(timed, options.rounds, unit="simulations/s")
    title = f"Self-play, {CHANNELS} channels x {BLOCKS} blocks, {SIMULATIONS} simulations a move"
    rows = [row_of(name, contestants[name], found) for name in contestants]
    notes += [
        f"{options.parallel} of our games run side by side; in steady state, games of all lengths",
        "simulations kept from the move before are not counted again, moves and games are",
        "games/s is 0 where no game ended within the time",
    ]
    return Table(title, rows, notes)


def row_of(name: str, contestant: Counted, found: dict[str, Spread]) -> dict:
    row = {
        "who": name,
        "simulations/s": found[name],
        "moves/s": Spread(tuple(contestant.moves), "moves/s"),
        "games/s": Spread(tuple(contestant.games), "games/s"),
    }
    if COMPILED in found:
        gain = ratio(found[name], found[COMPILED])
        row[f"/ {COMPILED}"] = gain
        row["goal"] = verdict(gain, GOALS["self-play"]) if name == SHARED else None
    return row


def our_network(seed: int) -> tuple[torch.nn.Module, int]:
    block = {"channels": CHANNELS, "blocks": BLOCKS}
    spec = BrainSpec.from_data({"architecture": {"type": "alphazero", "alphazero": block}})
    network = compile_brain(spec, LAYOUT, generator=torch.Generator().manual_seed(seed)).eval()
    return network, sum(weight.numel() for weight in network.parameters())


def network_difference(network: torch.nn.Module) -> str:
    evaluator = NetworkEvaluator(network, precision="bf16")
    boards = Boards.after([[(3 * row + ply) % 7 for ply in range(row % 20)] for row in range(200)])
    policy, value = evaluator.largest_difference(boards)
    return f"bf16 against fp32: probabilities differ by up to {policy:.2g}, values by {value:.2g}"


def ours(network: torch.nn.Module, options: Namespace, precision: str, **search: bool) -> Counted:
    evaluator = NetworkEvaluator(network, precision=precision)
    settings = SelfPlaySettings.from_data(
        {
            "search": {
                "simulations": SIMULATIONS,
                "reuse_tree": False,
                "batch_limit": 1_024,
                "resign_below": -1.0,
                **search,
            },
            "parallel_games": options.parallel,
        }
    )
    play = SelfPlay(evaluator, settings, options.seed)
    moves = [0]

    def work() -> None:
        moves[0] += int(play.search.active.sum())
        play.advance()

    # Not from the beginning of all games at once, where most positions are the same; how games
    # came to be where they are matters less, so that nobody waits for the network until then.
    play.use(UniformEvaluator())
    for _ in range(42):
        work()
    play.use(evaluator)
    return Counted(work, lambda: (play.search.simulations_done, moves[0], play.finished))


def theirs(options: Namespace, *, compiled: bool) -> tuple[Counted, int]:
    from benchmarks.peers.open_spiel_players import alpha_zero_moves

    work, counts = alpha_zero_moves(
        channels=CHANNELS,
        blocks=BLOCKS,
        simulations=SIMULATIONS,
        compiled=compiled,
        seed=options.seed,
    )
    moves = [0]

    def counted() -> None:
        work()
        moves[0] += 1

    def found() -> tuple[int, int, int]:
        return moves[0] * SIMULATIONS, moves[0], counts["games"]

    return Counted(counted, found), counts["weights"]


if __name__ == "__main__":
    sys.exit(main())
