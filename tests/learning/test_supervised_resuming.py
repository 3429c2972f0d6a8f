"""A fit that was interrupted anywhere goes on bit for bit."""

import pytest
import torch

from hamlet.checkpoint import load_training, save_training
from hamlet.errors import CheckpointError
from hamlet.learning import supervised_validating
from hamlet.learning.saved_state import below
from hamlet.runspec import RunSpec
from tests.brains.boards import BOARD_FAMILIES
from tests.learning.small_boards import equal, fit, weights_of

RUN_SPEC = RunSpec("connect_four", "alphazero", 1, 3, {"level": "alphazero"})
HEADER = {"run_spec": RUN_SPEC.to_data(), "run_spec_hash": RUN_SPEC.hash}
TIMED = {"examples_per_s"}


def through_a_file(state, folder):
    path = save_training(folder / "run.safetensors", state, HEADER).path
    return load_training(path)[0]


def finish(learner):
    found = []
    while not learner.finished:
        report = learner.advance_batch()
        if report is not None:
            found.append({k: v for k, v in report.metrics.items() if k not in TIMED})
    return found


def interrupted(after: int, folder, **settings):
    first = fit(**settings)
    for _ in range(after):
        first.advance_batch()
    second = fit(**{**settings, "seed": settings.get("seed", 1)})
    with torch.no_grad():  # nothing of the new one may be left
        for parameter in second.network.parameters():
            parameter.add_(1.0)
    second.load_state_dict(through_a_file(first.state_dict(), folder))
    return second


@pytest.mark.parametrize("family", BOARD_FAMILIES)
@pytest.mark.parametrize("after", [1, 4, 6])  # in the first epoch, in the second, between two
def test_every_family_goes_on_in_the_middle_of_an_epoch(family, after, tmp_path):
    whole = fit(family)
    expected = finish(whole)
    resumed = interrupted(after, tmp_path, family=family)
    assert finish(resumed) == expected[after // 3 :]
    assert equal(weights_of(whole), weights_of(resumed))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "adamw", "lamb"])
def test_every_optimiser_moves_and_goes_on(optimizer, tmp_path):
    whole = fit(optimizer=optimizer, scheduler="cosine")
    before = weights_of(whole)
    finish(whole)
    after = weights_of(whole)
    assert all(
        not torch.equal(before[name], after[name]) for name in before if name.endswith("weight")
    )
    resumed = interrupted(4, tmp_path, optimizer=optimizer, scheduler="cosine")
    finish(resumed)
    assert equal(after, weights_of(resumed))


def test_a_fit_that_was_interrupted_while_it_validated_goes_on(tmp_path, monkeypatch):
    expected = finish(fit("transformer"))
    monkeypatch.setattr(supervised_validating, "ROWS", 4)  # three pieces of ten examples
    whole = fit("transformer")
    found = finish(whole)
    assert [each["val_accuracy"] for each in found] == [each["val_accuracy"] for each in expected]
    for number, each in enumerate(found):
        assert each["val_loss"] == pytest.approx(expected[number]["val_loss"])
    first = fit("transformer")
    assert [first.advance_batch() for _ in range(4)] == [None] * 4
    assert first.batch == first.batches
    resumed = interrupted(4, tmp_path, family="transformer")
    assert resumed.batch == resumed.batches
    assert finish(resumed) == found
    assert equal(weights_of(whole), weights_of(resumed))


def test_early_stopping_goes_on_too(tmp_path):
    settings = {"rows": 10, "epochs": 60, "learning_rate": 0.05, "early_stopping_patience": 3}
    whole = fit(**settings)
    finish(whole)
    resumed = interrupted(2 * (whole.epochs - 2), tmp_path, **settings)
    assert resumed.best_epoch > 0
    finish(resumed)
    assert (resumed.stopped, resumed.epochs) == (whole.stopped, whole.epochs)
    assert whole.stopped
    assert equal(weights_of(whole), weights_of(resumed))
    again = fit(**settings)
    again.load_state_dict(through_a_file(resumed.state_dict(), tmp_path))
    assert again.finished
    assert again.advance_batch() is None


def test_a_state_is_a_snapshot():
    learner = fit()
    learner.advance_batch()
    state = learner.state_dict()
    kept = {name: tensor.clone() for name, tensor in state["network"].items()}
    learner.advance_batch()
    assert equal(state["network"], kept)


def test_somebody_else_may_keep_the_weights():
    state = fit(owns_network=False).state_dict()
    assert "network" not in state
    assert "dropout" not in state


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda s: s.update(epochs=99), "epochs: found 99"),
        (lambda s: s.update(batch=4), "batch: found 4; expected a whole number from 0 to 3"),
        (lambda s: s.update(examples=7), "examples: found 7"),
        (lambda s: s.update(sums=torch.zeros(2)), "sums: found a tensor"),
        (lambda s: s["network"].popitem(), "network: found entries"),
        (lambda s: s["optimizer"].pop(), "optimizer: found a list"),
        (lambda s: s["best"].update(loss=float("nan")), "best.loss: found nan"),
        (lambda s: s["best"].update(epoch=0), "best.epoch: found 0"),
        (lambda s: s.pop("sums"), "cannot be read"),
        (lambda s: s.update(dropout=torch.zeros(3)), "dropout"),
    ],
)
def test_a_damaged_state_is_refused_by_its_field(edit, part):
    learner = fit()
    for _ in range(4):
        learner.advance_batch()
    state = learner.state_dict()
    edit(state)
    with pytest.raises(CheckpointError) as caught, below("state"):
        fit().load_state_dict(state)
    assert part in str(caught.value)


def test_the_state_of_another_optimiser_is_refused():
    learner = fit(optimizer="sgd")
    learner.advance_batch()
    with pytest.raises(CheckpointError, match="optimizer"):
        fit(optimizer="lamb").load_state_dict(learner.state_dict())
