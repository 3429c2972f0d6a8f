"""What a small AlphaZero learns in a fixed budget: the interval that CI holds a change against.

    python -m benchmarks.connect_four.gate [--seeds N] [--quick] [--json FILE]

Each seed trains the network of the level `alphazero` on games from 400 endings for three epochs,
and is then asked in 300 other endings that it never saw. Without --quick the result is stored in
benchmarks/results/connect_four.gate.json; the test `test_regression_gate` trains one seed and fails
if it makes more mistakes than a new seed would in 99 of 100 cases. There is no peer but the commit
before.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.command import begin, parser_for, positive
from benchmarks.machine import ROOT
from benchmarks.report import Table
from hamlet.learning.connect_four.alphazero import AlphaZeroTrainer
from hamlet.learning.connect_four.system import build_runspec
from tests.learning_connect_four.endings import (
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)

STORED = ROOT / "benchmarks" / "results" / "connect_four.gate.json"
LEARNED, HELD_OUT = (400, 7), (300, 11)  # endings, seed
EPOCHS = 3
# Student's t for one side of 99 %, by degrees of freedom: tables of W. Gosset 1908 and after.
T_99 = {1: 31.82, 2: 6.965, 3: 4.541, 4: 3.747, 5: 3.365, 6: 3.143, 7: 2.998, 9: 2.821, 11: 2.718}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("connect_four.gate", "What a fixed budget teaches.", rounds=1)
    parser.add_argument("--seeds", type=positive, default=8, help=f"of {known_counts()}")
    parser.add_argument("--store", type=Path, default=STORED, help="where the interval is kept")
    options, report = begin(parser, argv, quick={"seeds": 2}, packages=["numba"])
    if options.seeds - 1 not in T_99:
        parser.error(f"found {options.seeds} seeds; expected one of {known_counts()}")
    rates = [trained(seed, options.quick) for seed in tqdm(range(1, options.seeds + 1))]
    endings = decisive_endings(*HELD_OUT)
    found = {
        "rates": rates,
        "mean": statistics.mean(rates),
        "most": most_of_a_new_seed(rates),
        "centre_first": centre_first_mistake_rate(endings),
    }
    table = Table("Mistakes in endings that were never seen, after a fixed budget", [found])
    table.notes.append("most: 99 % of new seeds make fewer, if rates are spread normally")
    report.add(table)
    report.end()
    if not options.quick:
        options.store.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def known_counts() -> str:
    return ", ".join(str(freedom + 1) for freedom in T_99)


def most_of_a_new_seed(rates: Sequence[float]) -> float:
    """Upper end of the one-sided 99 % prediction interval."""
    reach = T_99[len(rates) - 1] * statistics.stdev(rates) * (1 + 1 / len(rates)) ** 0.5
    return statistics.mean(rates) + reach


def stored() -> dict[str, Any]:
    return json.loads(STORED.read_text())


def trained(seed: int, quick: bool = False) -> float:
    """Share of the held-out endings that the network spoils after its training."""
    starts = [ending.moves for ending in decisive_endings(*LEARNED)]
    trainer = alphazero_on(starts, epochs=1 if quick else EPOCHS, learning_rate=0.002, seed=seed)
    while not trainer.finished:
        list(trainer.advance())
    return mistake_rate(trainer.best_network(), decisive_endings(*HELD_OUT))


def alphazero_on(
    starts: Sequence[str], *, epochs: int, learning_rate: float, seed: int
) -> AlphaZeroTrainer:
    """The level's network, on games that begin after these moves."""
    config = {
        "model_type": "alphazero",
        "epochs": epochs,
        "batch_size": 64,
        "learning_rate": learning_rate,
        "rating_openings": 0,
        "value_target": "outcome",
        "advanced_config": {
            "search": {"simulations": 24, "root": "gumbel", "transposition": True},
            "self_play": {
                "games": len(starts),
                "parallel_games": len(starts),
                "buffer_first": 2_000,
                "buffer_last": 4_000,
                "passes": 3.0,
                "starts": list(starts),
            },
            "arena": {"games": 2, "simulations": 8, "accept_from": -1.0},
        },
    }
    return AlphaZeroTrainer(build_runspec({"config": config, "seed": seed}))


if __name__ == "__main__":
    sys.exit(main())
