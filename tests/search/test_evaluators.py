"""Networks as evaluators: the same answers as the network, in bounded batches, each asked once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hamlet.brains.compiling import compile_brain
from hamlet.brains.presets import preset
from hamlet.brains.spec import BrainSpec
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.planes import planes_of
from hamlet.errors import HamletError, ShapeError
from hamlet.search.boards import Boards
from hamlet.search.evaluators import NetworkEvaluator, UniformEvaluator, padded_planes
from hamlet.search.settings import SearchSettings
from tests.search.evaluators_for_tests import random_positions, searched

BOARDS = random_positions(70, 9, 1)


def small_network(seed: int = 0) -> nn.Module:
    """A small AlphaZero network whose BatchNorm layers have seen something."""
    block = {"blocks": 2, "channels": 16}
    spec = BrainSpec.from_data({"architecture": {"type": "alphazero", "alphazero": block}})
    network = compile_brain(spec, LAYOUT, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


def answers_of(network: nn.Module, boards: Boards) -> tuple[np.ndarray, np.ndarray]:
    planes = planes_of(torch.from_numpy(boards.own), torch.from_numpy(boards.occupied))
    with torch.inference_mode():
        logits, values = network(planes)
    return logits.numpy(), values[:, 0].numpy()


@pytest.mark.parametrize("count", [1, 2, 8, 9, 16, 70])
def test_evaluator_answers_as_the_network_does(count: int) -> None:
    network, boards = small_network(), BOARDS.rows(np.arange(count))
    logits, values = NetworkEvaluator(network)(boards.own, boards.occupied)
    expected = answers_of(network, boards)
    assert logits.dtype == values.dtype == np.float32
    assert logits == pytest.approx(expected[0], abs=1e-4)
    assert values == pytest.approx(expected[1], abs=1e-5)


@pytest.mark.parametrize("model_type", ["alphazero", "muzero", "transformer", "ppo", "dqn"])
def test_every_model_type_can_be_searched_with(model_type: str) -> None:
    network = compile_brain(preset(model_type), LAYOUT).eval()
    boards = BOARDS.rows(np.arange(5))
    logits, values = NetworkEvaluator(network)(boards.own, boards.occupied)
    expected = answers_of(network, boards)
    assert logits == pytest.approx(expected[0], abs=1e-3)
    assert values == pytest.approx(expected[1], abs=1e-4)


def test_sixteen_bits_are_close_but_not_the_same() -> None:
    evaluator = NetworkEvaluator(small_network(), precision="bf16")
    policy, value = evaluator.largest_difference(BOARDS)
    assert 0 < policy < 0.02
    assert 0 < value < 0.03
    exact = NetworkEvaluator(small_network())
    assert max(exact.largest_difference(BOARDS)) < 1e-5


def test_later_training_does_not_change_the_answers() -> None:
    network = small_network()
    evaluator = NetworkEvaluator(network)
    before = evaluator(BOARDS.own, BOARDS.occupied)
    for weight in network.parameters():
        weight.data.zero_()
    after = evaluator(BOARDS.own, BOARDS.occupied)
    assert (before[0] == after[0]).all()
    assert (before[1] == after[1]).all()


def test_known_positions_are_evaluated_once() -> None:
    class Counting(nn.Module):
        """Cannot be traced, so every call is seen."""

        def __init__(self) -> None:
            super().__init__()
            self.rows: list[int] = []

        def forward(self, planes):
            self.rows.append(len(planes))
            return torch.zeros(len(planes), 7), planes.sum((1, 2, 3))[:, None] / 100

        def __deepcopy__(self, memo):
            return self

    network = Counting()
    evaluator = NetworkEvaluator(network, known_positions=4096)
    network.rows.clear()
    twice = Boards(np.tile(BOARDS.own, 2), np.tile(BOARDS.occupied, 2))
    first = evaluator(twice.own, twice.occupied)
    again = evaluator(twice.own, twice.occupied)
    assert (first[1] == again[1]).all()
    assert (first[1][:70] == first[1][70:]).all()
    assert len(network.rows) <= 1


class Branches(nn.Module):
    """Decides by what it sees: a tracer would keep one branch only."""

    def forward(self, planes):
        flat = planes.flatten(1)
        if len(planes) > 2:
            return flat[:, :7] + 1, flat[:, :1]
        return flat[:, :7], flat[:, :1]


def test_network_that_cannot_be_traced_runs_as_it_is() -> None:
    network = Branches()
    logits, _ = NetworkEvaluator(network)(BOARDS.own, BOARDS.occupied)
    assert (logits == answers_of(network, BOARDS)[0]).all()


def test_few_sizes_of_batches_are_ever_asked_for() -> None:
    sizes = {len(padded_planes(Boards.empty(count))) for count in range(1, 200)}
    assert len(sizes) < 25
    assert all(
        count <= len(padded_planes(Boards.empty(count))) < count + 16 for count in range(1, 70)
    )


def test_wrong_precision_and_wrong_network_are_refused() -> None:
    with pytest.raises(HamletError, match="found precision 'fp8'"):
        NetworkEvaluator(small_network(), precision="fp8")

    class Wide(nn.Module):
        def forward(self, planes):
            return planes.flatten(1)[:, :8], planes.flatten(1)[:, :1]

    with pytest.raises(ShapeError, match="expected \\[B, 7\\]"):
        NetworkEvaluator(Wide())(BOARDS.own, BOARDS.occupied)


def test_uniform_evaluator_prefers_nothing() -> None:
    logits, values = UniformEvaluator()(BOARDS.own, BOARDS.occupied)
    assert logits.shape == (70, 7)
    assert not logits.any()
    assert not values.any()


def test_games_searched_with_a_network_together_and_alone_agree() -> None:
    evaluator = NetworkEvaluator(small_network())
    settings = SearchSettings(simulations=40)
    boards = BOARDS.rows(np.arange(6))
    _, together = searched(evaluator, boards, settings, seeds=np.arange(6))
    for row in range(6):
        alone = boards.rows(np.array([row]))
        _, found = searched(evaluator, alone, settings, seeds=np.array([row]))
        # The last bits of a network's answers follow from the size of the batch.
        assert np.abs(found.visits[0] - together.visits[row]).sum() <= 2
