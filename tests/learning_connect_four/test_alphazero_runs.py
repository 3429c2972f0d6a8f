"""An AlphaZero run from its first game to its last, cut anywhere and taken up again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from hamlet.checkpoint import load_network, load_training, save_inference, save_trainer
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, SpecError, TrainingDivergedError
from hamlet.learning.connect_four import alphazero
from hamlet.learning.connect_four.alphazero import AlphaZeroTrainer
from hamlet.learning.trainer import (
    EpisodeFinished,
    Event,
    MetricsReported,
    Remarked,
    RunFinished,
    Trainer,
)
from hamlet.runspec import RunSpec
from tests.learning_connect_four.endings import decisive_endings
from tests.learning_connect_four.games_by_hand import run_of

# Openings of some length, so that the runs below are short.
STARTS = [ending.moves for ending in decisive_endings(3, seed=5)]
ADVANCED = {
    "search": {"simulations": 6, "temperature": {"plies": 38}},
    "self_play": {
        "games": 4,
        "starts": [*STARTS, "4453443"],
        "parallel_games": 3,
        "buffer_first": 6,
        "buffer_last": 12,
        "passes": 1.5,
        "exploration_rate": 0.1,
    },
    "arena": {"games": 4, "simulations": 4, "accept_from": -0.5},
}
WATCHED_METRICS = {
    *("train_loss", "train_policy_loss", "train_value_loss", "entropy", "learning_rate"),
    *("examples_per_s", "games_per_s", "simulations_per_s"),
    *("arena_score", "buffer_positions", "mean_plies"),
}


def small_run(advanced: dict | None = None, **fields) -> RunSpec:
    """Two iterations of four games, in a second."""
    merged = {name: {**part, **(advanced or {}).get(name, {})} for name, part in ADVANCED.items()}
    return run_of("alphazero", advanced=merged, **{"epochs": 2, "batch_size": 16, **fields})


@pytest.fixture(autouse=True)
def _one_update_per_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run can be cut between any two updates."""
    monkeypatch.setattr(alphazero, "LEARN_FOR_S", 0.0)


def finish(trainer: Trainer) -> list[Event]:
    return [event for unit in steps(trainer) for event in unit]


def steps(trainer: Trainer):
    while not trainer.finished:
        yield list(trainer.advance())


def reloaded(trainer: AlphaZeroTrainer, folder: Path) -> AlphaZeroTrainer:
    """The same run in another process: all that it has is the file."""
    path = folder / "run.safetensors"
    save_trainer(path, trainer)
    state, _ = load_training(path)
    other = AlphaZeroTrainer(trainer.spec)
    other.load_state_dict(state)
    return other


def assert_same(one: AlphaZeroTrainer, other: AlphaZeroTrainer) -> None:
    for name in ("network", "best"):
        pair = [getattr(trainer, name).state_dict() for trainer in (one, other)]
        for key, tensor in pair[0].items():
            assert torch.equal(tensor, pair[1][key]), f"{name}.{key}"
    assert one.epochs == other.epochs
    assert one.games == other.games


def told(events: list[Event]) -> list:
    """What does not depend on the clock."""
    seen = []
    for event in events:
        if isinstance(event, EpisodeFinished):
            seen.append((event.number, event.summary))
            if event.recording is not None:
                seen.append(event.recording.columns)
        elif isinstance(event, MetricsReported):
            values = {k: v for k, v in event.values.items() if not k.endswith("_per_s")}
            seen.append((event.at, values))
        elif isinstance(event, Remarked):
            seen.append(event)
    return seen


@pytest.fixture(scope="module")
def whole() -> tuple[AlphaZeroTrainer, list[Event]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alphazero, "LEARN_FOR_S", 0.0)
        trainer = AlphaZeroTrainer(small_run())
        return trainer, finish(trainer)


def test_a_run_cut_after_every_unit_of_work_ends_the_same(whole, tmp_path: Path) -> None:
    """Between moves, between updates, between plies of the arena, between epochs."""
    trainer, events = AlphaZeroTrainer(small_run()), []
    phases = set()
    while not trainer.finished:
        phases.add(trainer.iteration.phase)
        events += trainer.advance()
        trainer = reloaded(trainer, tmp_path)

    assert phases == {"play", "learn", "gate"}
    assert_same(trainer, whole[0])
    assert told(events) == told(whole[1])


@pytest.mark.parametrize(
    ("advanced", "fields"),
    [
        ({"search": {"root": "gumbel", "transposition": True}}, {}),
        (
            {
                "search": {
                    "symmetric_evaluation": "random",
                    "leaves_per_wave": 4,
                    "transposition": False,
                }
            },
            {},
        ),
        ({"self_play": {"precision": "bf16"}}, {"precision": "bf16"}),
        ({"search": {"resign_below": -0.01, "resign_plies": 1}}, {"value_target": "mixed"}),
        ({}, {"optimizer": "sgd", "scheduler": "cosine", "regularization": {"dropout": 0.2}}),
    ],
    ids=["gumbel and sharing", "mirrors and waves", "bf16", "resigning", "dropout"],
)
def test_runs_of_all_kinds_can_be_cut_anywhere(advanced, fields, tmp_path: Path) -> None:
    whole, cut = (AlphaZeroTrainer(small_run(advanced, **fields)) for _ in range(2))
    finish(whole)
    while not cut.finished:
        for _ in range(7):
            list(cut.advance())
        cut = reloaded(cut, tmp_path)

    assert_same(whole, cut)


def test_every_game_is_counted_and_one_board_is_recorded(whole) -> None:
    _, events = whole
    games = [event for event in events if isinstance(event, EpisodeFinished)]
    played = [game for game in games if game.summary["kind"] == "self_play"]

    assert [game.number for game in games] == list(range(1, len(games) + 1))
    assert len(played) >= 8
    assert len(games) - len(played) == 8  # two arenas of four games
    recorded = [game for game in games if game.recording is not None]
    assert 0 < len(recorded) < len(played)
    for game in recorded:
        columns = game.recording.columns
        assert game.summary["moves"] == "".join(str(c + 1) for c in columns["column"])
        searched = zip(columns["visits"], columns["policy"], columns["value"], strict=True)
        thoughts = [each for each in searched if each[0]]
        assert 0 < len(thoughts) < len(columns["column"])  # the start was given
        for visits, policy, value in thoughts:
            assert sum(visits) >= 5
            assert sum(policy) == pytest.approx(1.0, abs=1e-3)
            assert -1 <= value <= 1
    for game in games:
        position = Position.after(int(digit) - 1 for digit in game.summary["moves"])
        assert position.ended or "resignation" in game.summary["reason"]


def test_each_epoch_reports_its_numbers_and_its_decision(whole) -> None:
    trainer, events = whole
    reports = [event for event in events if isinstance(event, MetricsReported)]
    remarks = [event for event in events if isinstance(event, Remarked)]

    assert [report.at for report in reports] == [1, 2]
    for report in reports:
        assert set(report.values) >= WATCHED_METRICS
        assert all(math.isfinite(value) for value in report.values.values())
    assert [remark.at for remark in remarks] == [1, 2]
    for remark, report in zip(remarks, reports, strict=True):
        accepted = report.values["arena_score"] >= -0.5
        assert ("is the best now" in remark.text) == accepted
        assert f"{report.values['arena_score']:+.2f} over 4 games" in remark.text
    assert isinstance(events[-1], RunFinished)
    # The buffer grows from 6 to 12 positions.
    assert reports[0].values["buffer_positions"] == 6
    assert reports[1].values["buffer_positions"] == 12
    assert trainer.progress.done == trainer.progress.total == 2


def test_a_refused_network_is_kept_beside_the_best_one(tmp_path: Path) -> None:
    trainer = AlphaZeroTrainer(small_run({"arena": {"accept_from": 1.0}}, epochs=1))
    before = {name: part.clone() for name, part in trainer.network.state_dict().items()}
    events = finish(trainer)

    assert any("the best one stays" in e.text for e in events if isinstance(e, Remarked))
    weights = {
        name: trainer.network.state_dict()[name] for name, _ in trainer.network.named_parameters()
    }
    assert any(not torch.equal(part, before[name]) for name, part in weights.items())
    assert all(torch.equal(trainer.best_network().state_dict()[k], v) for k, v in before.items())
    other = reloaded(trainer, tmp_path)
    assert_same(trainer, other)


def test_an_accepted_network_is_the_one_to_take_home(tmp_path: Path) -> None:
    trainer = AlphaZeroTrainer(small_run({"arena": {"accept_from": -1.0}}, epochs=1))
    finish(trainer)
    save_inference(tmp_path / "model", trainer.inference_model())

    network, _ = load_network(tmp_path / "model", LAYOUT)
    for name, part in trainer.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], part), name


def test_a_state_of_another_run_is_refused() -> None:
    state = AlphaZeroTrainer(small_run()).state_dict()

    with pytest.raises(CheckpointError, match="run spec"):
        AlphaZeroTrainer(small_run(seed=1)).load_state_dict(state)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("iteration", "phase"), "sleep", "phase"),
        (("iteration", "updates_left"), -1, "updates_left"),
        (("gate", "moves"), ["8888"] * 4, "moves"),
        (("buffer", "filled"), 10**6, "filled"),
        (("self_play", "watched", "values"), [2.0], "watched"),
    ],
)
def test_a_damaged_state_is_refused(path: tuple[str, ...], value, named: str) -> None:
    state = AlphaZeroTrainer(small_run()).state_dict()
    place = state["parts"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(CheckpointError, match=named):
        AlphaZeroTrainer(small_run()).load_state_dict(state)


@pytest.mark.parametrize(
    ("advanced", "named"),
    [
        ({"self_play": {"iterations": 1}}, "self_play.iterations: found 1 of 2 epochs"),
        ({"self_play": {"iterations": 3}}, "self_play.iterations: found 3; the run has 2"),
        ({"self_play": {"buffer_first": 20, "buffer_last": 10}}, "buffer_last: found 10"),
        ({"self_play": {"starts": ["1212121"]}}, r"starts\[0\]"),
        ({"search": {"simulations": 70_000}}, "simulations: found 70000"),
    ],
)
def test_settings_that_fit_no_run_are_refused(advanced: dict, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        AlphaZeroTrainer(small_run(advanced))


def test_a_diverged_run_says_so_and_keeps_the_batch() -> None:
    trainer = AlphaZeroTrainer(small_run())
    while trainer.iteration.phase != "learn":
        list(trainer.advance())
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(float("inf"))

    with pytest.raises(TrainingDivergedError, match="the loss is nan") as caught:
        list(trainer.advance())
    assert caught.value.batch["policy"].shape == (16, 7)
