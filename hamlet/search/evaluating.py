"""Between a search and its evaluator: mirror images, bounded batches, shared evaluations.

B positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import COLUMNS, mirrored
from hamlet.errors import CheckpointError, ShapeError
from hamlet.search.boards import Boards
from hamlet.search.saving import check_bounds, loaded, loaded_some
from hamlet.search.settings import SearchSettings
from hamlet.search.streams import uniform

# (own int64 [B], occupied int64 [B]) -> (logits float32 [B, 7], values float32 [B]), both as seen
# by the side to move. Evaluators are asked about positions in play only, never about finished ones.
Evaluate = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)


class AskedInBatches:
    """Asks an evaluator as the settings say: in batches, mirrored, sharing what is known."""

    def __init__(self, evaluate: Evaluate, settings: SearchSettings) -> None:
        self.ask = evaluate
        self.batch_limit = settings.batch_limit
        self.symmetric = settings.symmetric_evaluation
        self.known = (
            KnownEvaluations(settings.transposition_positions) if settings.transposition else None
        )

    def __call__(
        self, boards: Boards, rows: np.ndarray, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Args: rows: [B], whose stream draws for each position where mirroring is random."""
        if self.known is not None:
            # In one orientation, so that it matters not which of both was met first.
            flipped = _not_canonical(boards.own, boards.occupied)
            logits, values = self.known.look_up(_turned(boards, flipped), self._asked)
        elif self.symmetric == "random":
            flipped = _drawn(streams, rows)
            logits, values = self._asked(_turned(boards, flipped))
        else:
            return self._asked(boards)
        return _turned_back(logits, flipped), values

    def _asked(self, boards: Boards) -> tuple[np.ndarray, np.ndarray]:
        logits, values = self._in_batches(boards)
        if self.symmetric != "mean":
            return logits, values
        image_logits, image_values = self._in_batches(boards.mirror())
        return (logits + image_logits[:, ::-1]) / 2, (values + image_values) / 2

    def _in_batches(self, boards: Boards) -> tuple[np.ndarray, np.ndarray]:
        if len(boards) <= self.batch_limit:
            return self._one_batch(boards.own, boards.occupied)
        parts = [
            self._one_batch(
                boards.own[at : at + self.batch_limit], boards.occupied[at : at + self.batch_limit]
            )
            for at in range(0, len(boards), self.batch_limit)
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    def _one_batch(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, values = self.ask(own, occupied)
        if logits.shape != (len(own), COLUMNS) or values.shape != (len(own),):
            raise ShapeError(
                f"the evaluator gave {list(logits.shape)} and {list(values.shape)} for "
                f"{len(own)} positions; expected [B, {COLUMNS}] and [B]"
            )
        return logits, values

    def forget(self) -> None:
        """Whenever the evaluator's answers change."""
        if self.known is not None:
            self.known.clear()

    def state_dict(self) -> dict[str, Any]:
        """Shared evaluations are part of the state: the size of batches follows from them, and the
        last bits of a network's answers from the size of batches."""
        return {} if self.known is None else {"known": self.known.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.known is not None:
            self.known.load_state_dict(state["known"])


class KnownEvaluations:
    """A bounded table of evaluations by key; a new one takes the place of an old one."""

    def __init__(self, positions: int) -> None:
        """Args: positions: rounded up to a power of two."""
        size = 1 << max(1, positions - 1).bit_length()
        self.keys = np.full(size, -1, np.int64)
        self.logits = np.zeros((size, COLUMNS), np.float32)
        self.values = np.zeros(size, np.float32)
        self.asked = self.found = 0

    def look_up(self, boards: Boards, ask: Callable[[Boards], tuple[np.ndarray, np.ndarray]]):
        """Evaluations of all positions; only those not known, each once, are asked for."""
        keys = boards.own + boards.occupied
        places = np.empty(len(keys), np.int64)
        logits = np.empty((len(keys), COLUMNS), np.float32)
        values = np.empty(len(keys), np.float32)
        unknown = _find(self.keys, self.logits, self.values, keys, places, logits, values)
        self.asked += len(keys)
        self.found += len(keys) - len(unknown)
        if len(unknown):
            new, first, which = np.unique(keys[unknown], return_index=True, return_inverse=True)
            answers, worths = ask(boards.rows(unknown[first]))
            logits[unknown], values[unknown] = answers[which], worths[which]
            where = places[unknown[first]]
            self.keys[where], self.logits[where], self.values[where] = new, answers, worths
            self.found += len(unknown) - len(new)
        return logits, values

    def clear(self) -> None:
        self.keys.fill(-1)

    def state_dict(self) -> dict[str, Any]:
        where = np.flatnonzero(self.keys >= 0)
        return {
            "places": torch.from_numpy(where),
            "keys": torch.from_numpy(self.keys[where]),
            "logits": torch.from_numpy(self.logits[where]),
            "values": torch.from_numpy(self.values[where]),
            "size": len(self.keys),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["size"] != len(self.keys):
            raise CheckpointError(
                f"known: found a table of {state['size']} evaluations; expected {len(self.keys)}. "
                "Resume with the settings the run began with."
            )
        self.clear()
        where = loaded_some(state["places"], np.int64, "known.places")
        check_bounds(where, 0, len(self.keys) - 1, "known.places")
        self.keys[where] = loaded(self.keys[where], state["keys"], "known.keys")
        self.logits[where] = loaded(self.logits[where], state["logits"], "known.logits")
        self.values[where] = loaded(self.values[where], state["values"], "known.values")


def _turned(boards: Boards, flipped: np.ndarray) -> Boards:
    image = boards.mirror()
    return Boards(
        np.where(flipped, image.own, boards.own),
        np.where(flipped, image.occupied, boards.occupied),
    )


def _turned_back(logits: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    return np.where(flipped[:, None], logits[:, ::-1], logits)


@compiled
def _not_canonical(own, occupied):
    flipped = np.empty(own.shape[0], np.bool_)
    for i in range(own.shape[0]):
        flipped[i] = mirrored(own[i]) + mirrored(occupied[i]) < own[i] + occupied[i]
    return flipped


@compiled
def _drawn(streams, rows):
    flipped = np.empty(rows.shape[0], np.bool_)
    for i in range(rows.shape[0]):
        flipped[i] = uniform(streams, rows[i]) < 0.5
    return flipped


@compiled
def _find(known_keys, known_logits, known_values, keys, places, logits, values):
    """Copy what is known. Returns: rows that are not."""
    unknown = np.empty(keys.shape[0], np.int64)
    count = 0
    mask = known_keys.shape[0] - 1
    for i in range(keys.shape[0]):
        place = ((keys[i] * GOLDEN) >> 38) & mask
        places[i] = place
        if known_keys[place] == keys[i]:
            logits[i], values[i] = known_logits[place], known_values[place]
        else:
            unknown[count] = i
            count += 1
    return unknown[:count]
