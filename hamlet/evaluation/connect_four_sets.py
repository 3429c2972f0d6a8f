"""Positions of Connect Four with the exact score of every column: what strength is measured on.

A set is of one stage, by stones on the board, and one difficulty, by plies to the end that perfect
play forces. Each game that a position is taken from is played by its own mixture of even draws and
near-perfect moves, so that a set has positions that players of every strength meet.

Source: the division is P. Pons's, http://blog.gamesolver.org/solving-connect-four/02-test-protocol/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hamlet.envs.connect_four.position import CELLS, Position
from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.learning.randomness import derived_seed
from hamlet.schema import Choice, Integer, Section, validate
from hamlet.search.labels import NO_MOVE, label_columns
from hamlet.search.minimax import minimax_column
from hamlet.search.solver import Solver, shared_solver
from hamlet.search.solver_kernel import BEST
from hamlet.tensor_file import SavedFile, read_tensor_file, write_tensor_file

KIND, VERSION = "connect-four-evaluation-set", "1"
# Stones on the board, and plies to the forced end; both ends belong to it.
STAGES = {"begin": (0, 14), "middle": (15, 28), "end": (29, CELLS - 1)}
DIFFICULTIES = {"easy": (1, 13), "medium": (14, 28), "hard": (29, CELLS)}
SHIPPED = Path(__file__).with_name("sets")
TABLE = (
    "begin-easy",
    "middle-easy",
    "end-easy",
    "begin-medium",
    "middle-medium",
    "begin-hard",
)  # combinations that have positions worth asking for
MOST_POSITIONS = 100_000
TRIES = 2_000  # games for each position wanted; then the combination is taken to be empty
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)  # of near-perfect moves in a game
DEPTH = 5  # of the minimax that makes them
REQUEST = Section(
    {
        "stage": Choice(*STAGES),
        "difficulty": Choice(*DIFFICULTIES),
        "count": Integer(1, MOST_POSITIONS),
        "seed": Integer(0, 2**53 - 1),
        "fewest_stones": Integer(0, CELLS - 1),
    }
)


@dataclass(frozen=True)
class EvaluationSet:
    """N positions, no two of them alike or each other's mirror image.

    Attributes:
        own, occupied: int64 [N] bitboards. scores: int8 [N, 7], for the side to move; NO_MOVE where
            no stone falls. seed: by which it was made. fewest_stones: of its positions.
    """

    stage: str
    difficulty: str
    seed: int
    fewest_stones: int
    own: np.ndarray
    occupied: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.own)

    @property
    def name(self) -> str:
        return f"{self.stage}-{self.difficulty}"

    @property
    def positions(self) -> list[Position]:
        pairs = zip(self.own.tolist(), self.occupied.tolist(), strict=True)
        return [Position(own, occupied) for own, occupied in pairs]

    @property
    def legal(self) -> np.ndarray:
        """bool [N, 7]"""
        return self.scores != NO_MOVE

    @cached_property
    def outcomes(self) -> np.ndarray:
        """int8 [N, 7]: 1, 0 or -1 by column for the side to move; NO_MOVE as in `scores`."""
        return np.where(self.legal, np.sign(self.scores), NO_MOVE).astype(np.int8)

    @cached_property
    def decisive(self) -> np.ndarray:
        """bool [N]: the legal moves lead to at least two of win, draw and loss."""
        worst = np.where(self.legal, self.outcomes, 1).min(axis=1)
        return self.outcomes.max(axis=1) > worst


def plies_to_end(position: Position, score: int) -> int:
    """Plies that perfect play still takes; the score is that of the position."""
    if score == 0:
        return CELLS - position.ply
    stones = BEST + 1 - abs(score)  # of the winner, in the end
    winner_began = (score > 0) == (position.ply % 2 == 0)
    return 2 * stones - winner_began - position.ply


def build_set(
    stage: str,
    difficulty: str,
    count: int,
    seed: int,
    *,
    fewest_stones: int = 0,
    solver: Solver | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> EvaluationSet:
    """Make a set; the same arguments give the same set on any machine.

    Args:
        fewest_stones: leave out earlier positions, which take seconds each to solve.
        on_progress: called with (positions found, count).
    Raises: SpecError for arguments out of range, or a combination of which too few are found.
    """
    request = {
        "stage": stage,
        "difficulty": difficulty,
        "count": count,
        "seed": seed,
        "fewest_stones": fewest_stones,
    }
    validate(REQUEST, request)
    solver = solver or shared_solver()
    found: list[Position] = []
    scores: list[np.ndarray] = []
    for position in candidates(request, solver):
        found.append(position)
        scores.append(label_columns([position], solver=solver)[0])
        if on_progress:
            on_progress(len(found), count)
        if len(found) == count:
            break
    else:
        message = f"found {len(found)} positions in {TRIES * count} games; expected {count}"
        raise SpecError([Problem("count", f"{message}. Ask for fewer, or for another stage")])
    own = np.array([position.own for position in found], np.int64)
    occupied = np.array([position.occupied for position in found], np.int64)
    return EvaluationSet(stage, difficulty, seed, fewest_stones, own, occupied, np.stack(scores))


def candidates(request: Mapping[str, Any], solver: Solver) -> Iterator[Position]:
    """Positions of the stage and difficulty, each once. Args: request: fields of REQUEST."""
    stage, difficulty = request["stage"], request["difficulty"]
    purpose = f"connect four/{stage}-{difficulty}"
    generator = np.random.default_rng(derived_seed(request["seed"], purpose))
    least, most = STAGES[stage]
    shortest, longest = DIFFICULTIES[difficulty]
    # No position with more stones has so many plies left, none with fewer ends so soon.
    least, most = max(least, request["fewest_stones"], 7 - longest), min(most, CELLS - shortest)
    seen: set[int] = set()
    if least > most:
        return
    for _ in range(TRIES * request["count"]):
        position = play_out(int(generator.integers(least, most + 1)), generator)
        if position is None or position.canonical_key in seen:
            continue
        seen.add(position.canonical_key)
        if shortest <= plies_to_end(position, solver.solve(position)) <= longest:
            yield position


def play_out(plies: int, generator: np.random.Generator) -> Position | None:
    """The position after so many plies of a game; None if the game ended before."""
    near_perfect = generator.choice(SHARES)
    position = Position()
    while position.ply < plies and not position.ended:
        if generator.random() < near_perfect:
            column = minimax_column(position, DEPTH, generator)
        else:
            column = int(generator.choice(position.legal_columns()))
        position = position.play(column)
    return None if position.ended else position


def write_set(path: str | Path, evaluation_set: EvaluationSet) -> SavedFile:
    """Raises: OSError if the disk refuses."""
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(getattr(evaluation_set, name)))
        for name in ("own", "occupied", "scores")
    }
    metadata = {
        "kind": KIND,
        "version": VERSION,
        "stage": evaluation_set.stage,
        "difficulty": evaluation_set.difficulty,
        "seed": str(evaluation_set.seed),
        "fewest_stones": str(evaluation_set.fewest_stones),
    }
    return write_tensor_file(path, tensors, metadata)


def read_set(path: str | Path) -> EvaluationSet:
    """Raises: CheckpointError naming the fault."""
    path = Path(path)
    tensors, metadata = read_tensor_file(path)
    if metadata.get("kind") != KIND or metadata.get("version") != VERSION:
        raise CheckpointError(f"{path.name}: this is no {KIND} of version {VERSION}")
    expected = {"own": torch.int64, "occupied": torch.int64, "scores": torch.int8}
    found = {name: tensor.dtype for name, tensor in tensors.items()}
    count = len(tensors["own"]) if "own" in tensors and tensors["own"].ndim == 1 else 0
    shapes = {"own": (count,), "occupied": (count,), "scores": (count, 7)}
    if found != expected or any(tensors[name].shape != shape for name, shape in shapes.items()):
        raise CheckpointError(f"{path.name}: expected own and occupied [N] and scores [N, 7]")
    try:
        numbers = [int(metadata[name]) for name in ("seed", "fewest_stones")]
        return EvaluationSet(
            metadata["stage"],
            metadata["difficulty"],
            *numbers,
            *(tensors[name].numpy() for name in ("own", "occupied", "scores")),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path.name}: the metadata lacks a field ({error})") from None


def shipped_sets() -> list[str]:
    """Names of the sets that come with the library, in the order of the table."""
    return [name for name in TABLE if (SHIPPED / f"{name}.safetensors").exists()]


def load_set(name: str) -> EvaluationSet:
    """A set that comes with the library. Raises: SpecError for another name; CheckpointError."""
    known = shipped_sets()
    if name not in known:
        raise SpecError([Problem("set", f"found {name!r}; expected one of {', '.join(known)}")])
    return read_set(SHIPPED / f"{name}.safetensors")


def shipped_keys() -> dict[str, np.ndarray]:
    """The canonical keys of the positions of each set that comes with the library, int64 [N]: what
    tells how many of them a dataset has. Raises: CheckpointError."""
    return {
        name: np.array([one.canonical_key for one in load_set(name).positions], np.int64)
        for name in shipped_sets()
    }
