"""A Transformer that is fitted to examples."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hamlet.datasets.rows import empty_rows
from hamlet.errors import SpecError
from hamlet.learning.connect_four.transformer import TransformerTrainer
from hamlet.learning.trainer import Remarked
from tests.learning_connect_four.given_datasets import (
    random_dataset,
    random_moves,
    rows_of_game,
    stored,
)
from tests.learning_connect_four.small_transformers import transformer_run
from tests.learning_connect_four.whole_runs import assert_same, finish, finish_cut, reports, told


@pytest.mark.parametrize("every", [1, 5])
def test_a_fit_cut_anywhere_ends_the_same(every: int, tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    spec = transformer_run(dataset=dataset, optimizer="adamw", scheduler="cosine", epochs=3)

    def again() -> TransformerTrainer:
        return TransformerTrainer(spec, files=files)

    whole = again()
    events = finish(whole)
    cut, parts = finish_cut(again, tmp_path, every)

    assert_same(whole, cut)
    assert told(parts) == told(events)
    assert whole.games == 0
    for values in reports(events):
        assert {"train_loss", "val_loss", "val_accuracy", "learning_rate"} <= set(values)


def test_soft_targets_are_learned_as_they_are(tmp_path: Path) -> None:
    """One position, of which every share is to be met: a hard target would take all of it."""
    rows = empty_rows(320)
    soft = [0.5, 0.0, 0.25, 0.0, 0.25, 0.0, 0.0]
    found = []
    for policy in (soft, [1.0, 0, 0, 0, 0, 0, 0]):
        rows["policy"], rows["value"] = policy, 0.5
        dataset, files = stored(tmp_path, rows)
        spec = transformer_run(
            None,
            {"dropout": 0.0, "mirror_weight": 0.0},
            dataset=dataset,
            epochs=10,
            learning_rate=0.01,
            validation_split=0.0,
            augment={"flip": False},
        )
        trainer = TransformerTrainer(spec, files=files)
        events = finish(trainer)
        with torch.no_grad():
            logits, value = trainer.best_network()(
                torch.cat([torch.zeros(1, 2, 6, 7), torch.ones(1, 1, 6, 7)], dim=1)
            )
        assert float(value) == pytest.approx(0.5, abs=0.05)
        found.append((logits.softmax(dim=1)[0].tolist(), reports(events)[-1]["train_policy_loss"]))

    assert found[0][0] == pytest.approx(soft, abs=0.03)
    assert found[0][1] == pytest.approx(1.5 * math.log(2), abs=0.02)  # the entropy of the target
    assert found[1][0][0] > 0.95
    assert found[1][1] < 0.05


def test_early_stopping_brings_the_best_weights_home(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path, games=6)
    spec = transformer_run(
        dataset=dataset, epochs=60, learning_rate=0.02, early_stopping_patience=3
    )
    trainer = TransformerTrainer(spec, files=files)
    events = finish(trainer)
    losses = [values["val_loss"] for values in reports(events)]

    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 60
    assert trainer.stopped
    best = trainer.best_network().state_dict()
    assert all(torch.equal(part, best[n]) for n, part in trainer.network.state_dict().items())
    assert any("val_loss is no lower" in e.text for e in events if isinstance(e, Remarked))


def test_without_examples_to_validate_with_it_says_so(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    spec = transformer_run(dataset=dataset, validation_split=0.0, epochs=1)
    events = finish(TransformerTrainer(spec, files=files))

    assert any("set validation_split" in e.text for e in events if isinstance(e, Remarked))
    assert "val_loss" not in reports(events)[0]


@pytest.mark.parametrize("weight", ["mirror_weight", "reply_weight"])
def test_each_further_loss_changes_what_is_learned(weight: str, tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    found = []
    for value in (0.0, 0.5):
        weights = {"mirror_weight": 0.0, "reply_weight": 0.0, weight: value, "dropout": 0.0}
        trainer = TransformerTrainer(
            transformer_run(None, weights, dataset=dataset, epochs=1), files=files
        )
        finish(trainer)
        found.append(trainer.network)
    encoders = [network.embed.weight for network in found]
    heads = [network.reply_head.weight for network in found]

    assert not torch.equal(*encoders)
    assert torch.equal(*heads) is (weight == "mirror_weight")


def test_replies_are_known_across_shards(tmp_path: Path) -> None:
    names = ["one", "two"]
    rows = np.concatenate([rows_of_game(random_moves(n), n) for n in range(2)])
    dataset, files = stored(tmp_path, rows[:5], rows[5:15], rows[15:], games=names)
    spec = transformer_run(dataset=dataset, validation_split=0.0)
    trainer = TransformerTrainer(spec, files=files)

    replies = trainer.fit.fit.training.reply.tolist()
    # Rows are as they were within a shard, which may leave the last ply of a shard unanswered.
    expected = [answer for n in range(2) for answer in [*random_moves(n)[1:], -1]]
    assert replies == expected


def test_a_dataset_that_is_not_there_is_refused() -> None:
    spec = transformer_run(dataset={"manifest": "0" * 64, "shards": ["1" * 64]})

    with pytest.raises(SpecError, match=r"content.dataset.shards\[0\]: needs a stored file"):
        TransformerTrainer(spec)
