"""Many games side by side in tensors, on the CPU or a GPU; no loop over games anywhere.

Shapes: N games, K of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import BOARD, CELLS, COLUMNS, HEIGHT, ROWS
from hamlet.envs.connect_four.planes import planes_of
from hamlet.envs.connect_four.position import DIRECTIONS, NAMES, IllegalMoveError
from hamlet.errors import ShapeError

COLUMN_BITS = (1 << HEIGHT) - 1
STATE = ("own", "occupied", "plies", "winner", "ended", "moves", "start")


class ConnectFourBatch:
    """N games at their own pace. A game that is over stays as it is until it is reset or undone.

    Attributes:
        own: [N] int64, stones of the side to move, bit `7 * column + height`.
        occupied: [N] int64, all stones.
        plies: [N] int64, how many stones stand on the board.
        winner: [N] int64: 1 Red, 2 Yellow, 0 nobody.
        ended: [N] bool.
        moves: [N, 42] int8, the column played at each ply; -1 where none was.
        start: [N] int64, stones that stood on the board when the game was set up.
    """

    def __init__(self, num_games: int, device: str | torch.device = "cpu") -> None:
        """Raises: ShapeError for fewer than one game."""
        if isinstance(num_games, bool) or not isinstance(num_games, int) or num_games < 1:
            raise ShapeError(f"num_games: found {num_games!r}; expected a whole number from 1")
        self.device = torch.device(device)
        self._set_up(torch.zeros(num_games, dtype=torch.int64, device=self.device))

    @classmethod
    def at(cls, own: Tensor, occupied: Tensor) -> ConnectFourBatch:
        """Games that begin at these positions ([N] int64), on the device they are on.

        The positions are taken as they are: `hamlet.envs.connect_four.reading` checks boards of
        strangers.
        """
        for name, cells in (("own", own), ("occupied", occupied)):
            if cells.dtype != torch.int64 or cells.shape != (len(occupied),) or not len(cells):
                found = f"{cells.dtype} {list(cells.shape)}"
                raise ShapeError(f"{name}: found {found}; expected int64 [N], N from 1")
        batch = cls(len(occupied), occupied.device)
        batch.own, batch.occupied = own.clone(), occupied.clone()
        batch.plies = count(occupied)
        batch.start = batch.plies.clone()
        won = has_four(own ^ occupied)
        batch.winner = won * (2 - batch.start % 2)
        batch.ended = won | (occupied == BOARD)
        return batch

    @property
    def num_games(self) -> int:
        return len(self.occupied)

    def ply(self) -> Tensor:
        """[N] int64, stones on the board; a copy, which no later step changes."""
        return self.plies.clone()

    def player(self) -> Tensor:
        """[N] int64: 1 where Red is to move, 2 where Yellow is."""
        return 1 + self.plies % 2

    def legal(self) -> Tensor:
        """[N, 7] bool; all False where the game is over."""
        return open_columns_of(self.occupied) & ~self.ended.unsqueeze(1)

    def planes(self) -> Tensor:
        """[N, 3, 6, 7] float32, the input of networks."""
        return planes_of(self.own, self.occupied)

    def keys(self) -> Tensor:
        """[N] int64, unique per position."""
        return self.own + self.occupied

    def canonical_keys(self) -> Tensor:
        """[N] int64, the same for a position and its mirror image."""
        return canonical_keys(self.own, self.occupied)

    def step(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Let a stone fall in each game; games that are over are left alone.

        Args: columns: [N] integers 0 to 6. Those of games that are over are not looked at.
        Returns: (ended [N] bool, winner [N] int64: 1 Red, 2 Yellow, 0 nobody).
        Raises: ShapeError; IllegalMoveError naming the first game whose column is none that may
            be played, in which case no game has moved.
        """
        columns = self._columns(columns)
        running = ~self.ended
        inside = columns.clamp(0, COLUMNS - 1)
        shift = HEIGHT * inside
        full = (self.occupied >> (shift + ROWS - 1)) & 1
        wrong = running & ((full != 0) | (inside != columns))
        if bool(wrong.any()):
            raise self._illegal(columns, wrong)
        # Adding 1 at the foot of a column carries through its stones to the first free cell.
        stone = (self.occupied + (1 << shift)) & ~self.occupied & (COLUMN_BITS << shift)
        self._record(torch.where(running, inside, -1))
        won = has_four(self.own | stone) & running
        self.winner = torch.where(won, self.player(), self.winner)
        self.own = torch.where(running, self.own ^ self.occupied, self.own)
        self.occupied = torch.where(running, self.occupied | stone, self.occupied)
        self.plies = self.plies + running
        self.ended = self.ended | won | (self.plies == CELLS)
        return self.ended.clone(), self.winner.clone()

    def undo(self, rows: Tensor | None = None) -> None:
        """Take the last move of games back; one that was over goes on.

        Args: rows: bool [N] or indices [K]; all by default.
        Raises: ShapeError; IllegalMoveError naming a game in which no move was made.
        """
        chosen = self._chosen(rows)
        before = self.plies - 1
        none = chosen & (before < self.start)
        if bool(none.any()):
            game = int(none.nonzero()[0])
            raise IllegalMoveError(f"game {game}: no move to take back; none was made in it")
        ply = before.clamp(min=0).unsqueeze(1)
        shift = HEIGHT * self.moves.gather(1, ply).squeeze(1).long().clamp(min=0)
        column = (self.occupied >> shift) & COLUMN_BITS
        stone = (column - (column >> 1)) << shift  # the highest of stones that stand without gap
        kept = torch.where(chosen.unsqueeze(1), -1, self.moves.gather(1, ply).long())
        self.moves.scatter_(1, ply, kept.to(torch.int8))
        occupied = self.occupied ^ stone
        # Seen from the other side again: its stones are all that are not of the side to move.
        own = (self.own ^ self.occupied) ^ stone
        self.own = torch.where(chosen, own, self.own)
        self.occupied = torch.where(chosen, occupied, self.occupied)
        self.plies = self.plies - chosen.long()
        self.winner = torch.where(chosen, 0, self.winner)
        self.ended = self.ended & ~chosen

    def reset(self, rows: Tensor | None = None) -> None:
        """Begin games anew on the empty board. rows: bool [N] or indices [K]; all by default."""
        chosen = self._chosen(rows)
        fresh = ConnectFourBatch(self.num_games, self.device)
        for name in STATE:
            mine = getattr(self, name)
            chosen_here = chosen.view(-1, *[1] * (mine.dim() - 1))
            setattr(self, name, torch.where(chosen_here, getattr(fresh, name), mine))

    def clone(self, rows: Tensor | None = None) -> ConnectFourBatch:
        """Games of their own like these. rows: bool [N] or indices [K], repeats allowed."""
        index = torch.arange(self.num_games, device=self.device) if rows is None else rows
        if index.dtype == torch.bool:
            index = self._chosen(index).nonzero().squeeze(1)
        self._check_indices(index)
        copy = ConnectFourBatch(max(1, len(index)), self.device)
        for name in STATE:
            setattr(copy, name, getattr(self, name).index_select(0, index))
        return copy

    def mirror(self) -> ConnectFourBatch:
        """The same games as seen from behind the board."""
        image = self.clone()
        image.own, image.occupied = mirrored(self.own), mirrored(self.occupied)
        image.moves = torch.where(self.moves < 0, self.moves, COLUMNS - 1 - self.moves)
        return image

    def state_dict(self) -> dict[str, Tensor]:
        return {name: getattr(self, name).clone() for name in STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: ShapeError if the state is of another number of games."""
        for name in STATE:
            mine, found = getattr(self, name), state.get(name)
            if not isinstance(found, Tensor) or (found.shape, found.dtype) != (
                mine.shape,
                mine.dtype,
            ):
                shown = "nothing" if found is None else f"{found.dtype} {list(found.shape)}"
                expected = f"{mine.dtype} {list(mine.shape)}"
                raise ShapeError(f"{name}: found {shown}; expected {expected}")
        for name in STATE:
            setattr(self, name, state[name].to(self.device, copy=True))

    def _set_up(self, zeros: Tensor) -> None:
        self.own, self.occupied, self.plies = zeros.clone(), zeros.clone(), zeros.clone()
        self.winner, self.start = zeros.clone(), zeros.clone()
        self.ended = zeros.bool()
        self.moves = torch.full((len(zeros), CELLS), -1, dtype=torch.int8, device=self.device)

    def _record(self, columns: Tensor) -> None:
        """Note the column of this ply; games that are over, with -1, keep what they have."""
        place = self.plies.clamp(max=CELLS - 1).unsqueeze(1)
        column = columns.to(torch.int8).unsqueeze(1)
        kept = self.moves.gather(1, place)
        self.moves.scatter_(1, place, torch.where(column < 0, kept, column))

    def _columns(self, columns: Tensor) -> Tensor:
        whole = isinstance(columns, Tensor) and columns.dtype in (torch.int64, torch.int32)
        if not whole or columns.shape != (self.num_games,):
            found = (
                f"{columns.dtype} {list(columns.shape)}"
                if isinstance(columns, Tensor)
                else type(columns).__name__
            )
            raise ShapeError(f"columns: found {found}; expected int64 [{self.num_games}]")
        return columns.to(self.device, torch.int64)

    def _illegal(self, columns: Tensor, wrong: Tensor) -> IllegalMoveError:
        game = int(wrong.nonzero()[0])
        column = int(columns[game])
        if not 0 <= column < COLUMNS:
            return IllegalMoveError(
                f"game {game}: found column {column}; expected a whole number from 0 to 6"
            )
        free = self.legal()[game].nonzero().squeeze(1).tolist()
        player = NAMES[int(self.player()[game])]
        return IllegalMoveError(
            f"game {game}: column {column} is full; {player} may play {', '.join(map(str, free))}"
        )

    def _chosen(self, rows: Tensor | None) -> Tensor:
        """[N] bool. Raises: ShapeError."""
        if rows is None:
            return torch.ones(self.num_games, dtype=torch.bool, device=self.device)
        if rows.dtype == torch.bool:
            if rows.shape != (self.num_games,):
                found = list(rows.shape)
                raise ShapeError(f"rows: found bool {found}; expected [{self.num_games}]")
            return rows.to(self.device)
        self._check_indices(rows)
        chosen = torch.zeros(self.num_games, dtype=torch.bool, device=self.device)
        return chosen.index_fill(0, rows.to(self.device), True)

    def _check_indices(self, rows: Tensor) -> None:
        whole = rows.dtype == torch.int64 and rows.dim() == 1
        if not whole or (
            len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < self.num_games
        ):
            raise ShapeError(
                f"rows: found {rows.dtype} {list(rows.shape)}; expected bool [{self.num_games}] or "
                f"int64 [K] from 0 to {self.num_games - 1}"
            )


def has_four(stones: Tensor) -> Tensor:
    """[N] bool: whether four of the stones [N] int64 stand in a line."""
    found = torch.zeros_like(stones)
    for step in DIRECTIONS:
        pairs = stones & (stones >> step)
        found |= pairs & (pairs >> (2 * step))
    return found != 0


def count(cells: Tensor) -> Tensor:
    """[N] int64: how many cells each set has."""
    cells = cells - ((cells >> 1) & 0x5555555555555555)
    cells = (cells & 0x3333333333333333) + ((cells >> 2) & 0x3333333333333333)
    cells = (cells + (cells >> 4)) & 0x0F0F0F0F0F0F0F0F
    cells = cells + (cells >> 8)
    cells = cells + (cells >> 16)
    return (cells + (cells >> 32)) & 0x7F


def open_columns_of(occupied: Tensor) -> Tensor:
    """[N] int64 to [N, 7] bool: true where a stone can fall."""
    tops = HEIGHT * torch.arange(COLUMNS, device=occupied.device) + ROWS - 1
    return ((occupied[:, None] >> tops) & 1) == 0


def canonical_keys(own: Tensor, occupied: Tensor) -> Tensor:
    """[N] int64: the same for a position and its mirror image, and for no other."""
    return torch.minimum(own + occupied, mirrored(own) + mirrored(occupied))


def mirrored(cells: Tensor) -> Tensor:
    """The same cells seen from behind the board."""
    image = torch.zeros_like(cells)
    for column in range(COLUMNS):
        image |= ((cells >> (HEIGHT * column)) & COLUMN_BITS) << (HEIGHT * (COLUMNS - 1 - column))
    return image
