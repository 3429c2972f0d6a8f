"""A Transformer that imitates an expert, cut anywhere and taken up again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, SpecError, TrainingDivergedError
from hamlet.learning.connect_four import solved_positions, transformer
from hamlet.learning.connect_four.transformer import TransformerTrainer
from hamlet.learning.trainer import EpisodeFinished, RunFinished
from tests.learning_connect_four.small_transformers import transformer_run
from tests.learning_connect_four.whole_runs import (
    assert_same,
    finish,
    finish_cut,
    remarks,
    reports,
    taken_up,
    told,
    units,
)

METRICS = {
    *("train_loss", "train_policy_loss", "train_value_loss", "descended_loss", "learning_rate"),
    *("examples_per_s", "positions_labelled", "buffer_positions", "updates"),
}


@pytest.fixture(autouse=True)
def _small_units_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run can be cut between any two updates, and while the solver is at it."""
    monkeypatch.setattr(transformer, "LEARN_FOR_S", 0.0)
    monkeypatch.setattr(solved_positions, "SOLVE_FOR_S", 0.0)


@pytest.mark.parametrize(
    ("labels", "every", "fields"),
    [
        ("search", 3, {}),
        ("solver", 1, {}),
        ("search", 7, {"value_target": "search", "scheduler": "cosine", "optimizer": "adamw"}),
    ],
)
def test_a_run_cut_anywhere_ends_the_same(labels, every, fields, tmp_path: Path) -> None:
    """The cut run is another one with the same seed, so two of one seed are equal as well."""

    def again() -> TransformerTrainer:
        return TransformerTrainer(transformer_run({"labels": labels}, **fields))

    whole = again()
    events = finish(whole)
    cut, parts = finish_cut(again, tmp_path, every)

    assert_same(whole, cut)
    assert told(parts) == told(events)


def test_another_seed_learns_something_else() -> None:
    runs = [TransformerTrainer(transformer_run({"labels": "solver"}, seed=s)) for s in (0, 1)]
    losses = [reports(finish(run))[-1]["train_loss"] for run in runs]

    assert losses[0] != losses[1]


def test_games_of_the_search_are_shown_and_learned_from() -> None:
    trainer = TransformerTrainer(transformer_run())
    events = finish(trainer)
    games = [event for event in events if isinstance(event, EpisodeFinished)]

    assert [game.number for game in games] == list(range(1, trainer.games + 1))
    assert any(game.recording is not None for game in games)
    for game in games:
        position = Position.after(int(digit) - 1 for digit in game.summary["moves"])
        assert position.ended or "resignation" in game.summary["reason"]
        assert game.summary["red"] == game.summary["yellow"] == "Transformer"
    found = reports(events)
    assert [set(values) >= METRICS | {"mean_plies", "games_per_s"} for values in found] == [
        True
    ] * 2
    assert all(math.isfinite(value) for values in found for value in values.values())
    plies = sum(len(game.summary["moves"]) for game in games)
    assert sum(values["positions_labelled"] for values in found) == plies
    assert all(values["positions_labelled"] >= 40 for values in found)
    assert isinstance(events[-1], RunFinished)


def test_the_buffer_holds_what_was_answered_in_the_games() -> None:
    trainer = TransformerTrainer(transformer_run())
    played: list[str] = []
    for events in units(trainer):
        played += [e.summary["moves"] for e in events if isinstance(e, EpisodeFinished)]
        if trainer.iteration.phase == "learn":
            break
    known = {}
    for moves in played:
        columns = [int(digit) - 1 for digit in moves]
        for ply in range(len(columns)):
            position = Position.after(columns[:ply])
            answer = columns[ply + 1] if ply + 1 < len(columns) else -1
            known.setdefault((position.own, position.occupied), set()).add(answer)
    held = trainer.buffer.newest(torch.arange(len(trainer.buffer)))

    for own, occupied, reply in zip(
        held.own.tolist(), held.occupied.tolist(), held.reply.tolist(), strict=True
    ):
        assert reply in known[own, occupied]
    assert (held.reply >= 0).any()


def test_the_solver_labels_as_many_positions_as_wanted_and_shows_no_game() -> None:
    trainer = TransformerTrainer(transformer_run({"labels": "solver"}))
    events = finish(trainer)

    assert trainer.games == 0
    assert not any(isinstance(event, EpisodeFinished) for event in events)
    for values in reports(events):
        assert set(values) >= METRICS | {"solved_positions_per_s"}
        assert "mean_plies" not in values
        assert values["positions_labelled"] == 40


def test_the_network_that_plays_is_that_of_the_last_epoch() -> None:
    trainer = TransformerTrainer(transformer_run({"labels": "solver"}))
    first = {name: part.clone() for name, part in trainer.best_network().state_dict().items()}
    while trainer.iteration.phase != "learn":
        list(trainer.advance())
    list(trainer.advance())

    learned = trainer.network.state_dict()
    assert any(not torch.equal(part, learned[name]) for name, part in first.items())
    assert all(torch.equal(part, trainer.best.network.state_dict()[n]) for n, part in first.items())
    while trainer.epochs == 0:
        list(trainer.advance())
    taken = trainer.best_network().state_dict()
    assert all(torch.equal(part, taken[n]) for n, part in trainer.network.state_dict().items())


def test_the_learning_rate_rises_evenly_and_then_follows_the_cosine() -> None:
    spec = transformer_run(
        {"labels": "solver", "positions": 32, "buffer": 32},
        {"warm_up_share": 0.25},
        epochs=4,
        batch_size=8,
        learning_rate=0.01,
        scheduler="cosine",
    )
    trainer, rates = TransformerTrainer(spec), []
    while not trainer.finished:
        before = trainer.learner.descent.updates
        list(trainer.advance())
        if trainer.learner.descent.updates > before:
            rates.append((before, trainer.learner.learning_rate))
    # Four updates per epoch; the first epoch is a quarter of the run.
    falling = [0.01 * 0.5 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]

    assert [rate for update, rate in rates if update < 3] == pytest.approx([0.0025, 0.005, 0.0075])
    later = {update: rate for update, rate in rates if update % 4}
    assert later[5] == pytest.approx(falling[1])
    assert later[13] == pytest.approx(falling[3])


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("iteration", "phase"), "gate", "phase"),
        (("expert", "labelled"), -1, "labelled"),
        (("expert", "positions", "waiting"), torch.zeros(3, 3, dtype=torch.int64), "waiting"),
        (("expert", "positions", "waiting"), torch.tensor([[2, 1]]), "waiting"),
        (("expert", "positions", "waiting"), torch.tensor([[0, 15]]), "waiting"),
    ],
)
def test_a_damaged_state_is_refused(path: tuple[str, ...], value, named: str) -> None:
    spec = transformer_run({"labels": "solver"})
    state = TransformerTrainer(spec).state_dict()
    place = state["parts"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(CheckpointError, match=named):
        TransformerTrainer(spec).load_state_dict(state)


def test_settings_that_fit_no_run_are_refused() -> None:
    for expert, named in (
        ({"labels": "teacher"}, "expert.labels"),
        ({"starts": ["1212121"]}, r"expert.starts\[0\]"),
        ({"most_empty_cells": 43}, "most_empty_cells"),
    ):
        with pytest.raises(SpecError, match=named):
            transformer_run(expert)


def test_a_diverged_run_says_so_and_keeps_the_batch() -> None:
    trainer = TransformerTrainer(transformer_run({"labels": "solver"}))
    while trainer.iteration.phase != "learn":
        list(trainer.advance())
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(float("inf"))

    with pytest.raises(TrainingDivergedError, match="the loss is nan") as caught:
        list(trainer.advance())
    assert caught.value.batch["reply"].shape == (16,)


def test_a_run_taken_up_at_its_end_is_over(tmp_path: Path) -> None:
    spec = transformer_run({"labels": "solver"}, epochs=1)
    trainer = TransformerTrainer(spec)
    finish(trainer)
    other = taken_up(trainer, lambda: TransformerTrainer(spec), tmp_path)

    assert other.finished
    assert list(other.advance()) == []
    assert remarks(list(other.advance())) == []
