"""Fitting a network to examples: that it learns, what it reports, when it stops."""

import math

import pytest
import torch

from hamlet.errors import TrainingDivergedError
from hamlet.learning.supervised_examples import Examples, seen_in
from hamlet.learning.supervised_losses import precision_problems
from hamlet.learning.supervised_order import Order
from hamlet.learning.supervised_validating import validation_metrics
from tests.brains.boards import BOARD_FAMILIES, positions
from tests.learning.small_boards import (
    arrays,
    equal,
    examples,
    fit,
    run_through,
    weights_of,
)

METRICS = {
    "train_loss",
    "train_policy_loss",
    "train_value_loss",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "examples_per_s",
    "entropy",
    "val_seen_share",
    "val_unseen_loss",
    "val_unseen_accuracy",
}
OF_ONE_KIND = {
    "dqn": {"q_mean"},
    "ensemble": {"member_0_val_loss", "member_1_val_loss"},
}


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_every_family_learns_what_the_examples_show(family):
    learner = fit(family, rows=48, validation=16, epochs=20, batch_size=24)
    reports = run_through(learner)
    first, last = reports[0].metrics, reports[-1].metrics
    assert last["train_loss"] < 0.8 * first["train_loss"]
    assert last["train_policy_loss"] < first["train_policy_loss"]
    assert last["train_value_loss"] < first["train_value_loss"]
    assert last["examples_per_s"] > 0
    assert set(last) == METRICS | OF_ONE_KIND.get(family, set())


def test_the_loss_of_an_epoch_is_the_sum_of_its_parts():
    metrics = run_through(fit(epochs=1))[0].metrics
    parts = metrics["train_policy_loss"] + metrics["train_value_loss"]
    assert metrics["train_loss"] == pytest.approx(parts)


def close(one, other):
    """Up to steps of a rate of 1e-30."""
    return all(torch.allclose(one[name], other[name], rtol=0, atol=1e-25) for name in one)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw", "lamb"])
def test_a_learning_rate_of_almost_0_leaves_the_base(optimizer):
    learner = fit(optimizer=optimizer, learning_rate=1e-30, validation=0)
    before = {name: value.detach().clone() for name, value in learner.network.named_parameters()}
    run_through(learner)
    assert close(before, dict(learner.network.named_parameters()))


def test_with_fixed_norms_it_leaves_the_answers_too():
    found = {}
    for fixed in (True, False):
        learner = fit(learning_rate=1e-30, fixed_norms=fixed)
        planes = positions(5)
        before, weights = learner.network.eval()(planes)[0], weights_of(learner)
        run_through(learner)
        found[fixed] = torch.equal(learner.network.eval()(planes)[0], before)
        assert close(weights, weights_of(learner)) is fixed
    assert found == {True: True, False: False}


def test_one_seed_learns_the_same_and_another_something_else():
    one, twin, other = (fit(seed=seed, family="transformer") for seed in (1, 1, 2))
    found = [
        [report.metrics["val_loss"] for report in run_through(each)] for each in (one, twin, other)
    ]
    assert equal(weights_of(one), weights_of(twin))
    assert found[0] == found[1]
    assert not equal(weights_of(one), weights_of(other))


def test_every_epoch_sees_every_example_once_in_another_order():
    order = Order(examples(20), 8, seed=1, flip=True)
    assert order.batches == 3
    epochs = []
    for epoch in (0, 1, 0):
        parts = [order.batch(epoch, number) for number in range(3)]
        assert [len(part) for part, _ in parts] == [8, 8, 4]
        seen = [int(cells) for part, _ in parts for cells in part.occupied]
        assert sorted(seen) == sorted(order.examples.occupied.tolist())
        epochs.append((seen, torch.cat([flipped for _, flipped in parts]).tolist()))
    assert epochs[0] == epochs[2]
    assert epochs[0][0] != epochs[1][0]
    assert epochs[0][1] != epochs[1][1]
    assert Order(examples(20), 8, seed=1, flip=False).batch(0, 0)[1] is None


def test_flipping_changes_what_is_learned():
    found = [fit(augment={"flip": flip}, epochs=1) for flip in (True, False)]
    for each in found:
        run_through(each)
    assert not equal(weights_of(found[0]), weights_of(found[1]))


def test_it_stops_when_validation_no_longer_gets_better_and_restores_the_best():
    learner = fit(rows=10, epochs=60, learning_rate=0.05, early_stopping_patience=4)
    losses, weights = [], []
    while not learner.finished:
        report = learner.advance_batch()
        if report is not None:
            losses.append(report.metrics["val_loss"])
            weights.append(weights_of(learner))
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 4 < 60
    assert f"no lower than {losses[best]:.4f} of epoch {best + 1} since 4 epochs" in learner.stopped
    assert report.stop == learner.stopped
    # The weights after the epoch of the lowest loss, and that loss again when asked.
    assert equal(weights_of(learner), weights[best])
    again = validation_metrics(learner.network, learner.validation, learner.seen)
    assert again["val_loss"] == pytest.approx(losses[best])
    assert equal(weights_of(learner), learner.best_weights())
    assert learner.advance_batch() is None


def test_the_best_weights_are_restored_at_the_last_epoch_too():
    learner = fit(rows=10, epochs=12, learning_rate=0.05, early_stopping_patience=12)
    losses = [report.metrics["val_loss"] for report in run_through(learner)]
    assert min(losses) < losses[-1]
    again = validation_metrics(learner.network, learner.validation, learner.seen)
    assert again["val_loss"] == pytest.approx(min(losses))


def test_without_validation_examples_it_never_stops_early_and_says_so():
    learner = fit(validation=0, epochs=4, early_stopping_patience=1)
    reports = run_through(learner)
    assert not learner.early_stopping
    assert len(reports) == 4
    assert not any(name.startswith("val_") for report in reports for name in report.metrics)
    assert equal(learner.best_weights(), weights_of(learner))


def test_l2_and_weight_decay_pull_weights_towards_0():
    def size(optimizer, **regularization):
        learner = fit(
            validation=0,
            rows=8,
            epochs=15,
            learning_rate=0.03,
            optimizer=optimizer,
            regularization={"l2": 0.0, "dropout": None, "weight_decay": 0.0, **regularization},
        )
        run_through(learner)
        return sum(float(p.detach().square().sum()) for p in learner.network.parameters())

    plain = size("sgd")
    assert size("sgd", l2=0.05) < 0.95 * plain
    assert size("sgd", weight_decay=0.5) == plain  # of adamw and lamb alone
    for optimizer in ("adamw", "lamb"):
        assert size(optimizer, weight_decay=0.5) < 0.99 * size(optimizer)


def test_clipping_bounds_the_step():
    def moved(longest):
        learner = fit(optimizer="sgd", grad_clip_norm=longest, epochs=1, rows=8, validation=0)
        before = {name: p.detach().clone() for name, p in learner.network.named_parameters()}
        learner.advance_batch()
        squares = [
            float((p.detach() - before[name]).square().sum())
            for name, p in learner.network.named_parameters()
        ]
        return math.sqrt(sum(squares))

    # The first step of Nesterov momentum 0.9 is 1.9 times the gradient, times the rate of 0.01.
    assert moved(0.01) == pytest.approx(1.9 * 0.01 * 0.01, rel=1e-3)
    assert moved(0.02) == pytest.approx(2 * moved(0.01), rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_run_with_its_batch():
    learner = fit(batch_size=8, rows=20)
    learner.advance_batch()
    with torch.no_grad():
        learner.network.policy_head[-1].bias.fill_(torch.nan)
    weights = {name: p.clone() for name, p in learner.network.named_parameters()}
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, batch 2: the loss is nan") as caught:
        learner.advance_batch()
    error = caught.value
    assert (error.epoch, error.batch_number) == (1, 2)
    assert error.batch["own"].shape == (8,)
    assert error.batch["policy"].shape == (8, 7)
    assert set(error.batch["own"].tolist()) <= set(learner.training.own.tolist())
    for name, parameter in learner.network.named_parameters():
        assert torch.equal(parameter, weights[name]) or "policy_head" in name


def test_a_gradient_that_is_no_number_ends_the_run_too():
    learner = fit()
    learner.network.policy_head[-1].weight.register_hook(lambda grad: grad * torch.inf)
    with pytest.raises(TrainingDivergedError, match="length of the gradient is"):
        learner.advance_batch()


def test_accuracy_counts_the_best_open_column_and_unseen_positions_apart():
    training = examples(30, seed=0)
    own = training.take(torch.arange(10))
    fresh = examples(10, seed=5)
    mixed = Examples(
        **{name: torch.cat([own.tensors()[name], fresh.tensors()[name]]) for name in own.tensors()}
    )
    seen = seen_in(training, mixed)
    assert bool(seen[:10].all())
    assert float(seen.double().mean()) < 1

    class Knows(torch.nn.Module):
        """Right on the positions of `own` alone: it answers the target's opposite elsewhere."""

        def forward(self, planes):
            sign = torch.where(seen, 1.0, -1.0)[:, None]
            return 50.0 * sign * mixed.policy, mixed.value[:, None]

    found = validation_metrics(Knows(), mixed, seen)
    assert found["val_seen_share"] == float(seen.double().mean())
    assert found["val_accuracy"] == pytest.approx(found["val_seen_share"])
    assert found["val_unseen_accuracy"] == 0.0
    assert found["val_unseen_loss"] > found["val_loss"] > 0


def test_mirror_images_count_as_seen():
    own = examples(6)
    mirrored = arrays(6)
    for name in ("own", "occupied"):
        mirrored[name] = [
            sum(((int(cells) >> 7 * c) & 127) << 7 * (6 - c) for c in range(7))
            for cells in mirrored[name]
        ]
    assert bool(
        seen_in(
            own, Examples.from_arrays({**mirrored, "policy": mirrored["policy"][:, ::-1].copy()})
        ).all()
    )


def test_bf16_learns_on_a_device_that_has_it():
    learner = fit(precision="bf16", epochs=15, rows=32)
    reports = run_through(learner)
    assert reports[-1].metrics["train_loss"] < reports[0].metrics["train_loss"]
    assert {p.dtype for p in learner.network.parameters()} == {torch.float32}
    plain = fit(epochs=15, rows=32)
    run_through(plain)
    assert not equal(weights_of(plain), weights_of(learner))


def test_bf16_is_refused_where_there_is_none():
    assert "does not have" in precision_problems("bf16", torch.device("mps"))[0].message


def test_the_learning_rate_rises_over_the_first_updates_and_is_reported():
    learner = fit(epochs=4, rows=16, batch_size=8, warm_up_share=0.5, scheduler="exponential")
    rates = []
    while not learner.finished:
        report = learner.advance_batch()
        rates.append(learner.optimizer.param_groups[0]["lr"])
        if report is not None:
            assert report.metrics["learning_rate"] == rates[-1]
    # Two updates in each of four epochs; four of them rise.
    expected = [0.25, 0.5, 0.75 * 0.95, 0.95, 0.95**2, 0.95**2, 0.95**3, 0.95**3]
    assert rates == pytest.approx([0.01 * share for share in expected])
