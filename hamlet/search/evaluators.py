"""Who says what a position is worth: nobody, or a network.

An evaluator is called with own, occupied, int64 [B], and answers with logits float32 [B, 7] and
values float32 [B], both as seen by the side to move.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from hamlet.envs.connect_four.bits import COLUMNS, ROWS
from hamlet.envs.connect_four.planes import fill_planes
from hamlet.errors import HamletError, ShapeError
from hamlet.search.boards import Boards
from hamlet.search.evaluating import KnownEvaluations

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Convolution kernels are made anew for every size of a batch they meet: few sizes, few kernels.
BATCH_STEP = 16
# How far a faster form of a network may be from the network: in fp32 rounding alone, in bf16
# 8 bits of mantissa through all layers.
CLOSE = {"fp32": 1e-3, "bf16": 0.5}


class UniformEvaluator:
    """Knows nothing: every column is as good as another, every position worth 0."""

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(own), COLUMNS), np.float32), np.zeros(len(own), np.float32)


class NetworkEvaluator:
    """A network of any type for this game, as fast as its device runs it.

    On the CPU the network is traced and frozen: BatchNorm becomes part of the convolutions, and
    what bf16 gains in speed (about twice on processors with avx512_bf16) it pays in digits, see
    `largest_difference`. Whatever cannot be traced runs as it is.

    Args:
        network: forward(planes [B, 3, 6, 7]) -> (logits [B, 7], value [B, 1]). It is copied:
            later training does not change the answers.
        known_positions: evaluations kept by key, each position being evaluated once; 0 for none.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        *,
        known_positions: int = 0,
    ) -> None:
        if precision not in PRECISIONS:
            raise HamletError(f"found precision {precision!r}; expected one of fp32, bf16")
        self.device, self.precision = torch.device(device), precision
        self._exact = copy.deepcopy(network).eval().requires_grad_(False).to(self.device)
        self._fast = self._made_fast()
        self.known = KnownEvaluations(known_positions) if known_positions else None

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Raises: ShapeError if the network answers with other shapes than this game has."""
        if self.known is None:
            return self._evaluate(Boards(own, occupied))
        return self.known.look_up(Boards(own, occupied), self._evaluate)

    def largest_difference(self, boards: Boards) -> tuple[float, float]:
        """How far probabilities and values are from those of the network itself in fp32."""
        planes = torch.from_numpy(padded_planes(boards)).to(self.device)
        with torch.inference_mode():
            fast, exact = self._fast(self._prepared(planes)), self._exact(planes)
        policies = [logits.float().softmax(dim=1)[: len(boards)] for logits, _ in (fast, exact)]
        values = [value.float().reshape(-1)[: len(boards)] for _, value in (fast, exact)]
        return (
            float((policies[0] - policies[1]).abs().max()),
            float((values[0] - values[1]).abs().max()),
        )

    @torch.inference_mode()
    def _evaluate(self, boards: Boards) -> tuple[np.ndarray, np.ndarray]:
        planes = torch.from_numpy(padded_planes(boards)).to(self.device)
        logits, values = self._fast(self._prepared(planes))
        if logits.shape != (len(planes), COLUMNS) or values.numel() != len(planes):
            raise ShapeError(
                f"the network gave {list(logits.shape)} and {list(values.shape)} for {len(planes)} "
                f"positions; expected [B, {COLUMNS}] and [B, 1]"
            )
        count = len(boards)
        return (
            logits[:count].float().cpu().numpy(),
            values.reshape(-1)[:count].float().cpu().numpy(),
        )

    def _prepared(self, planes: Tensor) -> Tensor:
        kind = PRECISIONS[self.precision]
        return planes.to(kind).contiguous(memory_format=torch.channels_last)

    def _made_fast(self) -> nn.Module:
        """The network in the wished precision; traced and frozen where that changes nothing."""
        network = copy.deepcopy(self._exact).to(
            dtype=PRECISIONS[self.precision], memory_format=torch.channels_last
        )
        if self.device.type != "cpu":
            return network
        try:
            with torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the tracer; what it made is tested below
                traced = torch.jit.trace(network, self._prepared(_samples(2)), check_trace=False)
                frozen = torch.jit.freeze(traced)
                good = all(self._agrees(frozen, network, count) for count in (1, 3, BATCH_STEP))
        except (RuntimeError, TypeError, ValueError):  # something in it cannot be traced
            return network
        return frozen if good else network

    def _agrees(self, fast: nn.Module, network: nn.Module, count: int) -> bool:
        planes = self._prepared(_samples(count))
        for ours, theirs in zip(fast(planes), network(planes), strict=True):
            if ours.shape != theirs.shape:
                return False
            if float((ours.float() - theirs.float()).abs().max()) > CLOSE[self.precision]:
                return False
        return True


def padded_planes(boards: Boards) -> np.ndarray:
    """float32 [P, 3, 6, 7] with P >= B one of few sizes; rows after the B-th are empty."""
    count = len(boards)
    size = -(-count // BATCH_STEP) * BATCH_STEP if count > BATCH_STEP // 2 else count
    planes = np.zeros((size, 3, ROWS, COLUMNS), np.float32)
    fill_planes(boards.own, boards.occupied, planes[:count])
    return planes


def _samples(count: int) -> Tensor:
    """Boards with a stone for each of the first plies: inputs that differ from row to row."""
    games = [[(3 * row + ply) % COLUMNS for ply in range(row % 7)] for row in range(count)]
    boards = Boards.after(games)
    planes = np.zeros((count, 3, ROWS, COLUMNS), np.float32)
    fill_planes(boards.own, boards.occupied, planes)
    return torch.from_numpy(planes)
