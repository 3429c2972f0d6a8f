"""Why did I lose: each move of a game beside perfect play.

The end of a game is cheap to solve and the opening is not, so moves are judged from the last to the
first, each as soon as it is known. Who keeps the findings may stop at any time and go on later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hamlet.envs.connect_four.position import COLUMNS, RED, YELLOW, Position
from hamlet.errors import Problem, SpecError
from hamlet.search.solver import Solver, shared_solver
from hamlet.search.solver_limits import NO_LIMITS, Limits, SolveTimeout

CLASSES = {1: "win", 0: "draw", -1: "loss"}
NONE, SLOWER_WIN, FASTER_LOSS = "none", "slower_win", "faster_loss"
# By outcome before and after, where the move lost a class.
LOST = {(1, 0): "draws_a_win", (1, -1): "loses_a_win", (0, -1): "loses_a_draw"}
MISTAKES = (NONE, SLOWER_WIN, *LOST.values(), FASTER_LOSS)


class Finding(NamedTuple):
    """What perfect play makes of a position: kept by its canonical key, and drawn the way round in
    which the key is that of the position, not of its mirror image."""

    score: int
    best_columns: tuple[int, ...]


@dataclass(frozen=True)
class JudgedMove:
    """A move beside perfect play. Scores are hamlet.search.solver's, for the side that moved.

    Attributes:
        ply: 0 for the first move. player: 1 Red, 2 Yellow. played, best_columns: 0 to 6.
        score_before: of the position, if the best is played. score_after: of what was played.
        mistake: one of MISTAKES.
        key, finding: for whoever keeps findings: canonical key of the position before the move.
    """

    ply: int
    player: int
    played: int
    best_columns: tuple[int, ...]
    score_before: int
    score_after: int
    mistake: str
    key: int
    finding: Finding

    @property
    def class_before(self) -> str:
        return CLASSES[sign(self.score_before)]

    @property
    def class_after(self) -> str:
        return CLASSES[sign(self.score_after)]

    def to_data(self) -> dict[str, Any]:
        return {
            "ply": self.ply,
            "player": self.player,
            "played": self.played,
            "best_columns": list(self.best_columns),
            "score_before": self.score_before,
            "score_after": self.score_after,
            "class_before": self.class_before,
            "class_after": self.class_after,
            "mistake": self.mistake,
        }


def analyse(
    moves: Sequence[int],
    *,
    solver: Solver | None = None,
    known: Mapping[int, Finding] | None = None,
    limits: Limits = NO_LIMITS,
) -> Iterator[JudgedMove]:
    """Judge the moves of a game, over or not, from the last to the first.

    Args:
        moves: columns 0 to 6.
        known: findings by canonical key, of this game or any other; they are not searched again.
        limits: of each position.
    Raises: IllegalMoveError, before anything is searched; SolveTimeout, SolveCancelled once a
        position takes too long. What came before stands; pass it as `known` to go on.
    """
    positions = line_of(moves)
    return judge_backwards(moves, positions, solver or shared_solver(), known or {}, limits)


def line_of(moves: Sequence[int]) -> list[Position]:
    """The positions before each move, and the last one. Raises: IllegalMoveError with the ply."""
    if isinstance(moves, str | bytes) or not isinstance(moves, Sequence):
        message = f"found {type(moves).__name__}; expected a list of columns 0 to 6"
        raise SpecError([Problem("moves", message)])
    Position.after(moves)
    positions = [Position()]
    for column in moves:
        positions.append(positions[-1].play(column))
    return positions


def judge_backwards(
    moves: Sequence[int],
    positions: Sequence[Position],
    solver: Solver,
    known: Mapping[int, Finding],
    limits: Limits,
) -> Iterator[JudgedMove]:
    following = None  # score of the position after the move, for the side that moves there
    for ply in reversed(range(len(moves))):
        position, key = positions[ply], positions[ply].canonical_key
        try:
            if following is None:
                following = score_of(positions[ply + 1], solver, known, limits)
            finding = known.get(key) or find(position, solver, limits)
        except SolveTimeout as error:
            error.add_note(f"while judging ply {ply} of {len(moves)}")
            raise
        yield JudgedMove(
            ply=ply,
            player=position.player,
            played=moves[ply],
            best_columns=the_way_of(position, finding.best_columns),
            score_before=finding.score,
            score_after=-following,
            mistake=mistake_of(finding.score, -following),
            key=key,
            finding=finding,
        )
        following = finding.score


def score_of(
    position: Position, solver: Solver, known: Mapping[int, Finding], limits: Limits
) -> int:
    finding = known.get(position.canonical_key)
    return finding.score if finding else solver.solve(position, limits)


def find(position: Position, solver: Solver, limits: Limits) -> Finding:
    score, columns = solver.judge(position, limits=limits)
    return Finding(score, the_way_of(position, columns))


def the_way_of(position: Position, columns: Iterable[int]) -> tuple[int, ...]:
    """Columns of the position as those of its finding, or the other way round: the same turn."""
    if position.key == position.canonical_key:
        return tuple(columns)
    return tuple(sorted(COLUMNS - 1 - column for column in columns))


def mistake_of(before: int, after: int) -> str:
    """Args: before, after: scores for the side that moved, at best and as played."""
    outcome = sign(before)
    if outcome != sign(after):
        return LOST[outcome, sign(after)]
    if before == after:
        return NONE
    return SLOWER_WIN if outcome == 1 else FASTER_LOSS


def sign(score: int) -> int:
    return (score > 0) - (score < 0)


@dataclass(frozen=True)
class Summary:
    """Attributes:
    judged: number of moves looked at, the last ones of the game.
    lost_from: the first ply from which the loser could no longer hold, 0 if he never could; None
        if nobody lost, if he gave up what still held, or if it lies before the moves looked at.
    mistakes: by player, kind -> how many.
    """

    judged: int
    lost_from: int | None
    mistakes: dict[int, dict[str, int]]

    @property
    def losing_ply(self) -> int | None:
        """Of the loser's last move before which he could still hold; None if there is none."""
        return self.lost_from - 1 if self.lost_from else None

    def to_data(self) -> dict[str, Any]:
        mistakes = {str(player): dict(kinds) for player, kinds in self.mistakes.items()}
        return {
            "judged": self.judged,
            "losing_ply": self.losing_ply,
            "lost_from": self.lost_from,
            "mistakes": mistakes,
        }


def summarise(judged: Iterable[JudgedMove], loser: int | None) -> Summary:
    """Count what `analyse` has given so far.

    Args: loser: RED or YELLOW, on the board, by resignation or on time; None for a draw or a game
        that goes on.
    """
    judged = sorted(judged, key=lambda move: -move.ply)
    counts = {player: dict.fromkeys(MISTAKES[1:], 0) for player in (RED, YELLOW)}
    for move in judged:
        if move.mistake != NONE:
            counts[move.player][move.mistake] += 1
    return Summary(len(judged), lost_from(judged, loser), counts)


def lost_from(backwards: Iterable[JudgedMove], loser: int | None) -> int | None:
    """The first ply from which all positions were lost for the loser. Only a move of his own can
    lose what held, whatever the other side plays."""
    first = None
    for move in backwards if loser else ():
        side = 1 if move.player == loser else -1
        if side * move.score_after >= 0:
            return first
        first = move.ply + 1
        if side * move.score_before >= 0:
            return first
    return 0 if first == 1 else None
