"""How a trained network of Connect Four plays against perfect play, beside minimax of depth 5.

    python -m benchmarks.connect_four.strength [--model FILE] [--simulations N ...] [--quick]

- Mistakes on the shipped evaluation sets: a WDL mistake throws a win or a draw away, a score
  mistake is any move that perfect play would not make. Of all positions of a set, as published
  figures are, and of the decisive ones alone, in which some move is wrong. The network alone and
  the network with a search stand apart.
- Published figures stand beside ours. They are of other positions of the same kinds and were read
  off a plot, so no table says that ours are better than those.
- Matches of every two players from balanced openings, seats exchanged, and ratings from all their
  games. With --perfect-games also games from the empty board against the solver moving second.
- The same network with the same simulations, its root searched by Gumbel's way against PUCT.

Without --model: the network that comes with the platform.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.command import begin, parser_for, positive
from benchmarks.report import Table
from hamlet.evaluation.connect_four import Mistakes
from hamlet.evaluation.connect_four_pool import POOL, pool_games
from hamlet.evaluation.connect_four_strength import (
    PUBLISHED,
    PUBLISHED_MINIMAX,
    PUBLISHED_PERCENT,
    mistakes_of,
    network_player,
    ordered_sets,
    percent,
    round_robin,
)
from hamlet.model import HamletModel
from hamlet.search.arena import Match, play_match
from hamlet.search.evaluators import NetworkEvaluator
from hamlet.search.openings import balanced_openings
from hamlet.search.players import (
    MinimaxPlayer,
    NetworkPlayer,
    Player,
    SolverPlayer,
    player_named,
)
from hamlet.search.settings import SearchSettings
from hamlet.shipped import CONNECT_FOUR, shipped_checkpoint

MINIMAX, RAW, SOLVER = "minimax depth 5", "network alone", "solver"
ROOT_SIMULATIONS = (16, 64)


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("connect_four.strength", "A network against perfect play.", rounds=1)
    parser.add_argument("--model", type=Path, help="an inference checkpoint; else the shipped one")
    parser.add_argument("--simulations", type=positive, nargs="+", default=[200, 600])
    parser.add_argument("--sets", nargs="+", choices=PUBLISHED_PERCENT, help="else all of them")
    parser.add_argument("--games", type=even, default=40, help="of each pair; 0 plays none")
    parser.add_argument("--perfect-games", type=int, default=0, help="from the empty board")
    quick = {"simulations": [8], "sets": ["end-easy"], "games": 2, "perfect_games": 0}
    options, report = begin(parser, argv, quick=quick, packages=["numba"])
    model = HamletModel.load_from_checkpoint(options.model or shipped_checkpoint(CONNECT_FOUR))
    networks = networks_of(model, options.simulations)
    report.add(origin(model))
    for table in mistakes_tables(networks, options):
        report.add(table)
    if options.games:
        for table in match_tables(networks, options):
            report.add(table)
        report.add(roots_table(model, options))
    if options.perfect_games:
        report.add(perfect_table(networks, options))
    report.end()
    return 0


def even(text: str) -> int:
    value = int(text)
    if value < 0 or value % 2:
        raise ArgumentTypeError(f"found {value}; expected an even number, 0 or more")
    return value


def networks_of(model: HamletModel, simulations: Sequence[int]) -> dict[str, Player]:
    """The network without a search, and with each of the given sizes."""
    players: dict[str, Player] = {RAW: network_player(model.network, 0)}
    for count in simulations:
        name = f"network, {count:,} simulations"
        players[name] = network_player(model.network, count)
    return players


def origin(model: HamletModel) -> Table:
    """What is known of the network's training."""
    told = {key: value for key, value in model.metadata.items() if not isinstance(value, dict)}
    row = {"parameters": model.parameter_count, **told}
    return Table("The network", [row])


def mistakes_tables(networks: dict[str, Player], options: Namespace) -> list[Table]:
    players = {MINIMAX: MinimaxPlayer(), **networks}
    sets = list(ordered_sets(options.sets))
    found: dict[str, dict[str, Mistakes]] = {}
    total = len(players) * sum(map(len, sets))
    with tqdm(total=total, unit="position", disable=None) as bar:
        for chosen in sets:
            found[chosen.name] = {
                name: mistakes_of(player, chosen, seed=options.seed, on_positions=bar.update)
                for name, player in players.items()
            }
    note = "percent, with the 95 % interval; the published columns are of other positions"
    tables = [Table("WDL mistakes, all positions", [], [note])]
    tables += [
        Table(title, [])
        for title in ("WDL mistakes, decisive positions", "Score mistakes, all positions")
    ]
    for name, by_player in found.items():
        published = {
            f"published: {who}": PUBLISHED_PERCENT[name][who]
            for who in (PUBLISHED_MINIMAX, PUBLISHED)
        }
        judged = next(iter(by_player.values()))
        rows: list[dict[str, Any]] = [
            {player: percent(m.all.wdl) for player, m in by_player.items()} | published,
            {player: percent(m.decisive.wdl) for player, m in by_player.items()},
            {player: percent(m.all.score) for player, m in by_player.items()},
        ]
        counts = (judged.all.positions, judged.decisive.positions, judged.all.positions)
        for table, row, count in zip(tables, rows, counts, strict=True):
            table.rows.append({"set": name, "positions": count, **row})
    return tables


def match_tables(networks: dict[str, Player], options: Namespace) -> list[Table]:
    pool: dict[str, Player] = {name: player_named(name) for name in POOL}
    players = {**pool, SOLVER: SolverPlayer(), **networks}
    openings = balanced_openings()[: options.games // 2]
    with tqdm(total=len(players) * (len(players) - 1) // 2, unit="match", disable=None) as bar:

        def show(one: str, other: str) -> None:
            bar.set_postfix_str(f"{one} - {other}")
            bar.update()

        matches, ratings = round_robin(
            players, openings, seed=options.seed, known=pool_games(), on_match=show
        )
    note = f"from {len(openings)} openings of 10 plies that perfect play holds level"
    table = Table("Matches: won, drawn, lost by the network", [], [note])
    for (one, other), match in matches.items():
        if other in networks and one not in networks:
            table.rows.append(match_row(other, one, match, player=1))
    rated = Table(
        "Ratings (Bradley-Terry with draws, random = 0)",
        [
            {
                "player": rating.player,
                "rating": rating.rating and round(rating.rating),
                "from": rating.low and round(rating.low),
                "to": rating.high and round(rating.high),
                "games": rating.games,
                "note": rating.note or None,
            }
            for rating in ratings.ratings
        ],
        [
            "minimax looks 5 plies ahead, mcts has 1,000 playouts; their stored games count too",
            f"95 % intervals; moving first is worth {ratings.first_move} points",
        ],
    )
    return [table, rated]


def match_row(name: str, opponent: str, match: Match, *, player: int) -> dict[str, Any]:
    cells: dict[str, Any] = {"player": name, "against": opponent}
    for seat, red in (("moving first", player), ("moving second", 1 - player)):
        results = [game.result(player) for game in match.games if game.red == red]
        cells[seat] = " / ".join(str(results.count(value)) for value in (1, 0, -1))
    return cells


def roots_table(model: HamletModel, options: Namespace) -> Table:
    """Sequential halving by Gumbel noise against PUCT at the root, everything else alike."""
    openings = balanced_openings()[: options.games]
    table = Table(
        "Gumbel against PUCT at the root, the same network",
        [],
        [f"mean result of Gumbel (win 1, draw 0, loss -1) from {len(openings)} openings, 95 %"],
    )
    for count in ROOT_SIMULATIONS:
        evaluate = NetworkEvaluator(model.network)
        gumbel, puct = (
            NetworkPlayer(evaluate, SearchSettings(simulations=count, root=root))
            for root in ("gumbel", "puct")
        )
        match = play_match(gumbel, puct, openings, seed=options.seed)
        counts = " / ".join(map(str, match.counts().values()))
        row = {"simulations": count, "won / drawn / lost": counts, "mean": str(match.mean())}
        table.rows.append(row)
    return table


def perfect_table(networks: dict[str, Player], options: Namespace) -> Table:
    """From the empty board, which the first player wins; only the games in which it is ours."""
    table = Table(
        "Moving first from the empty board against the solver: won / drawn / lost",
        [],
        ["the solver takes any of its best columns; perfect play wins all of these"],
    )
    solver = SolverPlayer()
    for name, player in networks.items():
        match = play_match(player, solver, [""] * options.perfect_games, seed=options.seed)
        results = match.results(red=0)
        cells = " / ".join(str(results.count(value)) for value in (1, 0, -1))
        table.rows.append({"player": name, "moving first": cells})
    return table


if __name__ == "__main__":
    sys.exit(main())
