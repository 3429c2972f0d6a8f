"""Where games begin, and moves in some games of a batch alone.

Shapes: N games, K of them, S starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from hamlet.envs.connect_four.batch import STATE, ConnectFourBatch
from hamlet.envs.connect_four.position import Position
from hamlet.envs.connect_four.reading import read_moves


class Starts:
    """Sets games up at positions drawn evenly; with none given, on the empty board.

    Random plies before a game make it another one than those that were played before.
    """

    def __init__(
        self, texts: Sequence[str], most_plies: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        """Args:
        texts: moves as `start_setting` reads them.
        most_plies: how many random moves may follow; each number is as likely.
        """
        self.most_plies = most_plies
        moves = [read_moves(text) for text in texts]
        positions = [Position.after(columns) for columns in moves]
        self.games = None
        if positions:
            own, occupied = (
                torch.tensor([getattr(position, name) for position in positions], device=device)
                for name in ("own", "occupied")
            )
            self.games = ConnectFourBatch.at(own, occupied)
            self.games.start.zero_()  # the moves that led here are known
            for row, columns in enumerate(moves):
                self.games.moves[row, : len(columns)] = torch.tensor(columns, dtype=torch.int8)

    def place(self, games: ConnectFourBatch, rows: Tensor, generator: torch.Generator) -> None:
        """Args: rows: [K] int64, each once, which games begin anew. generator: on the CPU.

        A game that random moves have brought to its end begins without any.
        """
        if not len(rows):
            return
        self._set_up(games, rows, generator)
        plies = torch.randint(self.most_plies + 1, (len(rows),), generator=generator)
        for ply in range(int(plies.max())):
            going_on = rows[((plies > ply).to(rows.device)) & ~games.ended[rows]]
            step_rows(games, going_on, random_columns(games.legal()[going_on], generator))
        self._set_up(games, rows[games.ended[rows]], generator)

    def _set_up(self, games: ConnectFourBatch, rows: Tensor, generator: torch.Generator) -> None:
        if self.games is None:
            games.reset(rows)
        elif len(rows):
            drawn = torch.randint(self.games.num_games, (len(rows),), generator=generator)
            write_rows(games, rows, self.games.clone(drawn.to(rows.device)))


def random_play(
    starts: Starts, count: int, plies: int, generator: torch.Generator, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Positions of `count` games of random moves, once per ply.

    Yields: (own, occupied), [count] int64 each; in none of them the game is over.
    """
    games = ConnectFourBatch(count, device)
    starts.place(games, torch.arange(count, device=device), generator)
    for _ in range(plies):
        yield games.own.clone(), games.occupied.clone()
        games.step(random_columns(games.legal(), generator))
        starts.place(games, games.ended.nonzero().squeeze(1), generator)


def random_columns(legal: Tensor, generator: torch.Generator) -> Tensor:
    """[K] int64: of each row of legal [K, 7] one column, each as likely."""
    drawn = torch.rand(legal.shape, generator=generator).to(legal.device)
    return drawn.masked_fill(~legal, -1.0).argmax(dim=1)


def step_rows(games: ConnectFourBatch, rows: Tensor, columns: Tensor) -> None:
    """One move in K games, while the others wait.

    Args: rows: [K] int64, each once. columns: [K] int64.
    Raises: IllegalMoveError, in which case no game has moved.
    """
    if len(rows):
        moved = games.clone(rows)
        moved.step(columns)
        write_rows(games, rows, moved)


def write_rows(games: ConnectFourBatch, rows: Tensor, others: ConnectFourBatch) -> None:
    """Let the K games of `rows`, one or more, go on as the K games of `others`."""
    for name in STATE:
        column = getattr(games, name).clone()
        column[rows] = getattr(others, name)
        setattr(games, name, column)
