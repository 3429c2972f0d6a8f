"""A fit that several processes share: the same as one, and an end that says why."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import torch

from hamlet.learning import replicas
from hamlet.learning.replicas import ReplicaLostError
from hamlet.learning.supervised import SupervisedFit
from tests.brains.boards import board_network
from tests.learning.small_boards import config, equal, examples, fit, run_through, weights_of
from tests.training.runs import wait_until

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def dry_fit(family: str, **changes: Any) -> SupervisedFit:
    """Without dropout, of which each process draws its own."""
    changes |= {"epochs": 2, "optimizer": "sgd", "learning_rate": 0.05}
    changes["regularization"] = {"l2": 1e-3, "dropout": 0.0, "weight_decay": 0.0}
    network = board_network(family, **({"dropout": 0.0} if family == "transformer" else {}))
    training, validation = examples(27), examples(8, seed=99)
    return SupervisedFit(
        network, training, validation, config(**changes), seed=1, mirror_weight=0.1
    )


def shared(learner: SupervisedFit) -> list[int]:
    """The processes that learn along, after one batch."""
    learner.advance_batch()
    return learner._replicas.pids


@pytest.mark.parametrize("family", ["alphazero", "transformer"])
def test_two_processes_learn_what_one_learns_from_twice_the_batch(family: str) -> None:
    # sgd, since adam turns the last digit of a gradient near 0 into a whole step.
    one = dry_fit(family, batch_size=8)
    two = dry_fit(family, batch_size=4, devices=2)
    for alone, together in zip(run_through(one), run_through(two), strict=True):
        assert together.metrics.pop("devices") == 2.0
        assert together.metrics.pop("examples_per_s") > 0
        for name, value in together.metrics.items():
            assert value == pytest.approx(alone.metrics[name], rel=1e-3, abs=1e-5), name
    assert two.updates == one.updates == 8  # the last batch of an epoch has 3 examples
    for name, weight in weights_of(two).items():
        assert torch.allclose(weight, weights_of(one)[name], **TOLERANCE), name


def test_each_process_does_its_share() -> None:
    """Without the other's half, the gradient would be another one."""
    one = fit(batch_size=4, rows=16, epochs=1, optimizer="sgd")
    two = fit(batch_size=4, rows=16, epochs=1, optimizer="sgd", devices=2)
    run_through(one)
    run_through(two)
    assert not equal(weights_of(one), weights_of(two))


def test_the_others_end_with_the_fit() -> None:
    learner = fit(devices=2, rows=16, epochs=1, batch_size=4)
    (pid,) = shared(learner)
    assert alive(pid)
    run_through(learner)
    assert not alive(pid)


def test_the_others_end_when_the_fit_is_dropped() -> None:
    learner = fit(devices=2, rows=16, batch_size=4)
    (pid,) = shared(learner)
    del learner
    wait_until(lambda: not alive(pid))


def test_a_killed_process_ends_the_run_and_says_so() -> None:
    learner = fit(devices=2, rows=16, epochs=5, batch_size=4)
    (pid,) = shared(learner)
    os.kill(pid, signal.SIGKILL)
    words = r"learns in 2 processes, and process 2 was killed by SIGKILL \(epoch 1, batch 2\)"
    with pytest.raises(ReplicaLostError, match=words):
        learner.advance_batch()


@pytest.mark.slow(20)
def test_a_process_that_does_not_answer_ends_the_run_too(monkeypatch) -> None:
    monkeypatch.setattr(replicas, "TIMEOUT_S", 15.0)
    monkeypatch.setattr(replicas, "ENDS_WITHIN_S", 0.2)
    learner = fit(devices=2, rows=16, epochs=5, batch_size=4)
    (pid,) = shared(learner)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ReplicaLostError, match="did not answer for 15 s"):
        learner.advance_batch()
    assert not alive(pid)


@pytest.mark.slow(20)
def test_a_fit_that_goes_on_elsewhere_is_as_if_never_cut() -> None:
    whole = fit(devices=2, rows=24, epochs=3, batch_size=4)
    run_through(whole)
    cut = fit(devices=2, rows=24, epochs=3, batch_size=4)
    for _ in range(4):
        cut.advance_batch()
    state = cut.state_dict()
    cut.close()
    further = fit(devices=2, rows=24, epochs=3, batch_size=4)
    further.load_state_dict(state)
    run_through(further)
    assert equal(weights_of(whole), weights_of(further))
