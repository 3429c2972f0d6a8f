"""Curiosity by random network distillation: what is hard to predict is new.

A fixed random network maps each observation to an embedding; a second one learns to predict it
from the observations met. Where it errs, the agent has rarely been.

Letters: N observations, D numbers of each, E numbers of an embedding.
Source: Burda et al., https://arxiv.org/abs/1810.12894. Running moments: Welford 1962, in the
batched form of Chan et al. 1979, "Updating formulae and a pairwise algorithm".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from hamlet.brains.network import initialise
from hamlet.layout import ObservationLayout
from hamlet.learning.backpropagation import written_out
from hamlet.learning.flat_parameters import FlatParameters
from hamlet.learning.saved_state import (
    check_range,
    cloned,
    load_optimizer,
    load_tensor,
    load_tensors,
    load_whole,
    optimizer_state,
)
from hamlet.learning.sparse_input import skip_zeros

HIDDEN_LAYERS = (256, 128)
SMALLEST_DEVIATION = 1e-8


class RunningMoments:
    """Mean and variance of all numbers seen, in float64 and one pass."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.count = torch.zeros((), dtype=torch.float64, device=device)
        self.mean = torch.zeros((), dtype=torch.float64, device=device)
        self.squares = torch.zeros((), dtype=torch.float64, device=device)  # of distances to mean

    def update(self, values: Tensor) -> None:
        """Take in [N] numbers, N at least 1."""
        batch = values.to(torch.float64)
        mean = batch.mean()
        count = self.count + len(batch)
        gap = mean - self.mean
        self.squares += (batch - mean).square().sum() + gap**2 * self.count * len(batch) / count
        self.mean += gap * len(batch) / count
        self.count = count

    @property
    def deviation(self) -> Tensor:
        """Standard deviation over all numbers; 0 before the first."""
        return (self.squares / self.count.clamp_min(1)).sqrt()

    def tensors(self) -> dict[str, Tensor]:
        return {"count": self.count, "mean": self.mean, "squares": self.squares}


class RandomNetworkDistillation:
    """Measures how new observations are and learns from every `train_every` of them."""

    def __init__(
        self,
        layout: ObservationLayout,
        generator: torch.Generator,
        *,
        embedding: int = 128,
        learning_rate: float = 1e-4,
        train_every: int = 128,
        device: torch.device | str = "cpu",
    ) -> None:
        """Args: generator: on the CPU, draws both networks."""
        sizes = (layout.size, *HIDDEN_LAYERS, embedding)
        self.target = drawn_mlp(sizes, generator).to(device).requires_grad_(False)
        self.predictor = drawn_mlp(sizes, generator).to(device)
        if torch.device(device).type == "cpu":
            skip_zeros(self.target, layout)
            skip_zeros(self.predictor, layout)
        self._weights = FlatParameters(self.predictor)
        self._written_out = written_out(self.predictor)
        self.optimizer = torch.optim.Adam([self._weights.values], lr=learning_rate, fused=True)
        self.moments = RunningMoments(device)
        self.train_every = train_every
        self.collected = 0
        self._observations = torch.zeros(train_every, layout.size, device=device)
        self._embeddings = torch.zeros(train_every, embedding, device=device)

    def normalise(self, errors: Tensor) -> Tensor:
        """[N] float32: errors in units of the standard deviation of all errors so far."""
        return (errors / (self.moments.deviation + SMALLEST_DEVIATION)).to(torch.float32)

    def novelty(self, observations: Tensor) -> Tensor:
        """Measure [N] observations just collected, and learn from them.

        Returns: [N] float32, their normalised errors before this learning; 0 as long as all
            errors so far are equal, since then there is no deviation to measure them in. See
            `pays` for when they are worth a reward.
        """
        with torch.no_grad():
            embeddings = self.target(observations)
            errors = squared_error(self.predictor(observations), embeddings)
        self.moments.update(errors)
        normalised = torch.where(self.moments.deviation > 0, self.normalise(errors), 0.0)
        self._collect(observations, embeddings)
        return normalised

    @property
    def pays(self) -> Tensor:
        """Scalar bool: the first `train_every` observations are in. The deviation of a handful of
        errors is chance, and dividing by it would pay the first steps a hundredfold."""
        return self.moments.count >= self.train_every

    def _collect(self, observations: Tensor, embeddings: Tensor) -> None:
        """Fill the training batch, and train each time it is full."""
        begin = 0
        while begin < len(observations):
            count = min(len(observations) - begin, self.train_every - self.collected)
            place = slice(self.collected, self.collected + count)
            self._observations[place] = observations[begin : begin + count]
            self._embeddings[place] = embeddings[begin : begin + count]
            self.collected += count
            begin += count
            if self.collected == self.train_every:
                self._train()
                self.collected = 0

    @torch.no_grad()
    def _train(self) -> None:
        """One step down the mean squared difference."""
        gap = self._written_out.forward(self._observations) - self._embeddings
        self._written_out.backward(gap * (2.0 / gap.numel()))
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {
            "target": cloned(self.target.state_dict()),
            "predictor": cloned(self.predictor.state_dict()),
            "optimizer": optimizer_state(self.optimizer),
            "moments": cloned(self.moments.tensors()),
            "observations": self._observations[: self.collected].clone(),
            "embeddings": self._embeddings[: self.collected].clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit these sizes."""
        load_tensors(self.target.state_dict(), state["target"], "target")
        load_tensors(self.predictor.state_dict(), state["predictor"], "predictor")
        load_optimizer(self.optimizer, state["optimizer"], "optimizer")
        load_tensors(self.moments.tensors(), state["moments"], "moments")
        check_range(self.moments.count, 0, 1e15, "moments.count")
        check_range(self.moments.squares, 0, 1e300, "moments.squares")
        count = load_whole(len(state["observations"]), 0, self.train_every - 1, "observations")
        waiting = {
            "observations": self._observations[:count],
            "embeddings": self._embeddings[:count],
        }
        for name, tensor in waiting.items():
            load_tensor(tensor, state[name], name)
        self.collected = count


def squared_error(predicted: Tensor, wanted: Tensor) -> Tensor:
    """[N] mean over the embedding."""
    return (predicted - wanted).square().mean(dim=1)


def drawn_mlp(sizes: tuple[int, ...], generator: torch.Generator) -> nn.Sequential:
    """Linear layers with ReLU between them, weights drawn from `generator`."""
    layers: list[nn.Module] = []
    with torch.device("meta"):
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        network = nn.Sequential(*layers[:-1])
    network.to_empty(device="cpu")
    initialise(network, generator)
    return network
