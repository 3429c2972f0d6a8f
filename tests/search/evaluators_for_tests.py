"""Evaluators whose answers are known: by a formula, by a table, or counted."""

from __future__ import annotations

import numpy as np

from hamlet.search.boards import Boards
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.search import Found, Search
from hamlet.search.settings import SearchSettings


class ByFormula:
    """Answers follow from the position alone, and mirror images get mirrored answers."""

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boards = Boards(own, occupied)
        image = boards.mirror()
        straight, turned = own + occupied, image.own + image.occupied
        flipped = turned < straight
        key = np.where(flipped, turned, straight).astype(np.uint64)
        logits = np.stack([self._number(key, column) for column in range(7)], axis=1)
        same = straight == turned
        logits[same] = (logits[same] + logits[same][:, ::-1]) / 2
        logits = np.where(flipped[:, None], logits[:, ::-1], logits)
        return logits.astype(np.float32), (self._number(key, 9) * 0.9).astype(np.float32)

    @staticmethod
    def _number(key: np.ndarray, column: int) -> np.ndarray:
        """In [-1, 1]."""
        mixed = (key + np.uint64(column)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        return (mixed >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0


class Watched:
    """Passes questions on and remembers them."""

    def __init__(self, evaluate) -> None:
        self.evaluate = evaluate
        self.asked: list[Boards] = []

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(Boards(own.copy(), occupied.copy()))
        return self.evaluate(own, occupied)


def searched(
    evaluate, boards: Boards, settings: SearchSettings, *, explore: bool = False, seeds=None
) -> tuple[Search, Found]:
    """A search of these positions, done."""
    search = Search(RulesDynamics(evaluate, settings), settings, len(boards), explore=explore)
    streams = np.arange(len(boards)) * 7919 + 17 if seeds is None else np.asarray(seeds)
    search.start(np.arange(len(boards)), boards, streams)
    return search, search.run()


def random_positions(count: int, plies: int, seed: int) -> Boards:
    """Positions in play after so many random moves."""
    generator = np.random.default_rng(seed)
    found: list[list[int]] = []
    while len(found) < count:
        boards, columns = Boards.empty(1), []
        while len(columns) < plies and not boards.ended()[0]:
            column = int(generator.choice(np.flatnonzero(boards.legal()[0])))
            boards, columns = boards.play(np.array([column])), [*columns, column]
        if not boards.ended()[0]:
            found.append(columns)
    return Boards.after(found)
