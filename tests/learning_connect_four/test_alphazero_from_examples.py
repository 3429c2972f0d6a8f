"""AlphaZero and MuZero from given examples: a fit first, self-play after it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hamlet.errors import SpecError
from hamlet.learning.connect_four.system import build_runspec, make_trainer
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import Files, Remarked
from tests.learning_connect_four.games_by_hand import RED_WINS, TINY, YELLOW_WINS
from tests.learning_connect_four.given_datasets import dataset_of
from tests.learning_connect_four.whole_runs import finish, reports

GAMES = [RED_WINS, YELLOW_WINS, *(tuple(6 - move for move in RED_WINS) for _ in range(4))]
ADVANCED = {
    "alphazero": {
        "search": {"simulations": 4},
        "self_play": {"games": 2, "parallel_games": 2, "buffer_last": 20_000},
        "arena": {"games": 2, "simulations": 2, "accept_from": -1.0},
    },
    "muzero": {
        "search": {"simulations": 4},
        "self_play": {"games": 2, "parallel_games": 2, "updates": 2, "buffer_games": 20},
    },
}


def trainer_of(
    model_type: str, dataset: dict[str, object], files: Files, *, iterations: int, **fields
) -> BoardTrainer:
    advanced = {**TINY, **ADVANCED[model_type]}
    advanced["self_play"] = {**advanced["self_play"], "iterations": iterations}
    config = {
        "model_type": model_type,
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 0.01,
        "validation_split": 0.4,
        "advanced_config": advanced,
        **fields,
    }
    request = {"system": "connect_four", "config": config, "dataset": dataset, "seed": 2}
    return make_trainer(build_runspec(request), files=files)


@pytest.mark.parametrize("model_type", ["alphazero", "muzero"])
def test_examples_are_fitted_first_and_games_are_played_then(
    model_type: str, tmp_path: Path
) -> None:
    trainer = trainer_of(model_type, *dataset_of(tmp_path, GAMES), iterations=2)
    found = reports(finish(trainer))

    assert ["val_loss" in values for values in found] == [True, True, False, False]
    assert ["mean_plies" in values for values in found] == [False, False, True, True]
    assert found[1]["train_loss"] < found[0]["train_loss"]
    assert trainer.games >= 4


@pytest.mark.parametrize("model_type", ["alphazero", "muzero"])
def test_a_run_from_examples_plays_no_games_unless_it_is_asked_to(
    model_type: str, tmp_path: Path
) -> None:
    trainer = trainer_of(model_type, *dataset_of(tmp_path, GAMES), iterations=0)
    finish(trainer)

    assert trainer.epochs == 4
    assert trainer.games == 0


@pytest.mark.parametrize("model_type", ["alphazero", "muzero"])
def test_a_fit_that_gets_no_better_ends_early_and_says_so(model_type: str, tmp_path: Path) -> None:
    trainer = trainer_of(
        model_type,
        *dataset_of(tmp_path, GAMES),
        iterations=0,
        epochs=50,
        learning_rate=1e-12,
        early_stopping_patience=2,
    )
    events = finish(trainer)

    assert trainer.stopped
    assert trainer.epochs < 50
    remarks = [event.text for event in events if isinstance(event, Remarked)]
    assert any("val_loss is no lower than" in text for text in remarks)


@pytest.mark.parametrize("model_type", ["alphazero", "muzero"])
def test_without_examples_held_back_nothing_stops_early(model_type: str, tmp_path: Path) -> None:
    trainer = trainer_of(model_type, *dataset_of(tmp_path, GAMES), iterations=0, validation_split=0)
    events = finish(trainer)

    remarks = [event.text for event in events if isinstance(event, Remarked)]
    assert any("early stopping is off" in text for text in remarks)


@pytest.mark.parametrize("model_type", ["alphazero", "muzero"])
def test_a_fit_cut_in_the_middle_ends_the_same(model_type: str, tmp_path: Path) -> None:
    dataset, files = dataset_of(tmp_path, GAMES)
    whole, cut = (trainer_of(model_type, dataset, files, iterations=1) for _ in range(2))
    finish(whole)
    while not cut.finished:
        for _ in range(3):
            list(cut.advance())
        other = make_trainer(cut.spec, files=files)
        other.load_state_dict(cut.state_dict())
        cut = other

    for name, tensor in whole.best_network().state_dict().items():
        assert torch.equal(tensor, cut.best_network().state_dict()[name]), name


def test_muzero_refuses_positions_that_belong_to_no_game(tmp_path: Path) -> None:
    dataset, files = dataset_of(tmp_path, GAMES, loose=2)

    with pytest.raises(SpecError, match=r"examples\[1\]: belongs to no game") as caught:
        trainer_of("muzero", dataset, files, iterations=0)
    assert "game_id" in str(caught.value)
    trainer_of("alphazero", dataset, files, iterations=0)  # which needs no whole games
