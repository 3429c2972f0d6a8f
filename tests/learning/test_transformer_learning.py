"""What is a Transformer's own: positions, the mirror, and the guess of the reply."""

import numpy as np
import pytest
import torch

from hamlet.errors import SpecError
from hamlet.learning.supervised import SupervisedFit
from hamlet.learning.supervised_examples import Examples
from tests.brains.boards import board_network, positions
from tests.learning.small_boards import arrays, config, fit, run_through


def where_is_the_stone(rows: int, seed: int) -> Examples:
    """One stone each of both sides on the ground: play into the column of the opponent's."""
    generator = np.random.default_rng(seed)
    pairs = [generator.permutation(7)[:2] for _ in range(rows)]
    own = np.array([1 << (7 * int(mine)) for mine, _ in pairs])
    other = np.array([1 << (7 * int(theirs)) for _, theirs in pairs])
    policy = np.zeros((rows, 7), np.float32)
    policy[np.arange(rows), [theirs for _, theirs in pairs]] = 1.0
    return Examples.from_arrays(
        {"own": own, "occupied": own | other, "policy": policy, "value": np.zeros(rows)}
    )


@pytest.mark.parametrize(("given", "learns"), [(True, True), (False, False)])
def test_the_task_is_learned_with_positions_and_not_without(given, learns):
    learner = SupervisedFit(
        board_network("transformer", positions=given, width=32, feedforward=64),
        where_is_the_stone(42 * 4, seed=1),
        where_is_the_stone(42, seed=2),
        config(epochs=40, batch_size=42, early_stopping_patience=40),
        seed=1,
    )
    accuracy = max(report.metrics["val_accuracy"] for report in run_through(learner))
    # A guess is right once in seven times.
    assert (accuracy > 0.95) if learns else (accuracy < 0.4)


def test_the_weight_of_the_mirror_makes_mirror_images_alike():
    planes = positions(20)

    def apart(**settings):
        learner = fit(
            "transformer", rows=40, epochs=15, augment={"flip": False}, validation=0, **settings
        )
        run_through(learner)
        with torch.no_grad():
            one, other = (learner.network.eval()(each)[0] for each in (planes, planes.flip(-1)))
        return float((one - other.flip(-1)).square().mean())

    assert apart(mirror_weight=5.0) < 0.5 * apart()


def test_the_reply_is_learned_and_only_a_transformer_guesses_it():
    replies = Examples.from_arrays({**arrays(40), "reply": [2] * 40})
    learner = SupervisedFit(
        board_network("transformer"), replies, None, config(epochs=10), seed=1, reply_weight=1.0
    )
    run_through(learner)
    with torch.no_grad():
        guess = learner.network.eval().forward_with_reply(positions(10))[2].softmax(dim=1)
    assert float(guess[:, [2, 4]].sum(dim=1).mean()) > 0.6  # column 2 or, in the mirror, 4
    with pytest.raises(SpecError, match="a ppo network does not guess the reply"):
        fit("ppo", reply_weight=0.1)
