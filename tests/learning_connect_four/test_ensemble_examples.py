"""An ensemble that is given examples, or a base to begin from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hamlet.checkpoint import save_inference
from hamlet.errors import SpecError
from hamlet.learning.connect_four import solved_positions
from hamlet.learning.connect_four.ensemble import EnsembleTrainer
from hamlet.learning.connect_four.ensemble_members import member_runs
from hamlet.learning.connect_four.given_examples import given_rows
from hamlet.learning.supervised_examples import Batch
from hamlet.learning.supervised_losses import example_losses
from tests.learning_connect_four.given_datasets import random_dataset
from tests.learning_connect_four.small_ensembles import ALPHAZERO, TRANSFORMER, ensemble_run
from tests.learning_connect_four.whole_runs import assert_same, finish, finish_cut, remarks, reports


def score_of(network, examples) -> float:
    """Cross-entropy and squared error, by the way that a fit measures them."""
    batch = Batch.of(examples)
    with torch.no_grad():
        losses = example_losses(*network(batch.planes), batch)
    return float(losses.mean(batch.weight))


def test_weights_are_fitted_on_examples_that_no_member_learned_from(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path, games=20)
    members = (ALPHAZERO, {**TRANSFORMER, "validation_split": 0.05})
    trainer = EnsembleTrainer(
        ensemble_run(*members, dataset=dataset, validation_split=0.3), files=files
    )
    held_back = trainer.combining.held_back
    unseen = set((held_back.own + held_back.occupied).tolist())
    beginnings = {0}  # of all games
    for member in trainer.members:
        training = member.trainer.fit.fit.training
        learned = set((training.own + training.occupied).tolist())
        assert len(learned & unseen - beginnings) < 0.5 * len(unseen)
    events = finish(trainer)
    values = reports(events)[-1]

    ensemble = score_of(trainer.network, held_back)
    alone = [score_of(member, held_back) for member in trainer.network.members]
    assert ensemble <= min(alone) + 1e-5
    assert values["ensemble_score"] == pytest.approx(ensemble, abs=1e-4)
    assert values["val_loss"] == pytest.approx(ensemble, abs=1e-4)
    assert [values["member_0_score"], values["member_1_score"]] == pytest.approx(alone, abs=1e-4)


def test_members_hold_back_the_same_games(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path, games=40)
    spec = ensemble_run(dataset=dataset, validation_split=0.3, seed=5)
    ensemble = EnsembleTrainer(spec, files=files)
    rows, held_back = given_rows(ensemble.content, files, spec.seed)

    assert 0 < held_back.sum() < len(rows)
    for run, member in zip(member_runs(ensemble.content, spec.seed), ensemble.members, strict=True):
        assert run.hash == member.trainer.spec.hash
        _, others = given_rows(member.trainer.content, files, run.seed)
        assert np.array_equal(others, held_back)


def test_a_run_on_examples_cut_anywhere_ends_the_same(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    spec = ensemble_run(dataset=dataset)

    def again() -> EnsembleTrainer:
        return EnsembleTrainer(spec, files=files)

    whole = again()
    finish(whole)
    assert_same(whole, finish_cut(again, tmp_path, every=5)[0])


def test_with_nothing_held_back_the_solver_labels_positions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solved_positions, "SOLVE_FOR_S", 0.0)
    dataset, files = random_dataset(tmp_path)
    spec = ensemble_run(dataset=dataset, validation_split=0.0, epochs=1)
    trainer = EnsembleTrainer(spec, files=files)
    events = finish(trainer)

    assert trainer.combining.held_back is None
    assert len(trainer.combining.solved) == 48
    assert any("the solver labels" in text for text in remarks(events))
    assert "val_loss" not in reports(events)[-1]


def test_an_ensemble_begins_from_the_members_of_its_base(tmp_path: Path) -> None:
    first = EnsembleTrainer(ensemble_run(seed=1))
    first.network.set_combination([0.9, 0.1], [2.0, 1.0])
    first._take_members()
    saved = save_inference(tmp_path / "base", first.network)
    spec = ensemble_run(seed=2, base={"checkpoint": saved.sha256})
    trainer = EnsembleTrainer(spec, files={saved.sha256: saved.path}.__getitem__)

    for member, other in zip(trainer.members, first.members, strict=True):
        begun = member.trainer.best_network().state_dict()
        for name, part in other.trainer.network.state_dict().items():
            assert torch.equal(part, begun[name]), name
    assert trainer.network.combination.weights.tolist() == [0.5, 0.5]
    again = EnsembleTrainer(spec, files={saved.sha256: saved.path}.__getitem__)
    again.load_state_dict(trainer.state_dict())
    assert_same(trainer, again)


def test_a_member_whose_examples_are_missing_names_itself() -> None:
    dataset = {"manifest": "0" * 64, "shards": ["1" * 64]}

    with pytest.raises(SpecError, match=r"member 0 \(alphazero\): needs a stored file"):
        EnsembleTrainer(ensemble_run(dataset=dataset))
