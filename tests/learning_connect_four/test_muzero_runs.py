"""A MuZero run from its first game to its last, cut anywhere and taken up again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from hamlet.checkpoint import load_training, save_trainer
from hamlet.errors import CheckpointError, SpecError
from hamlet.learning.connect_four import muzero
from hamlet.learning.connect_four.muzero import MuZeroTrainer
from hamlet.learning.trainer import EpisodeFinished, Event, MetricsReported
from hamlet.runspec import RunSpec
from tests.learning_connect_four.endings import decisive_endings
from tests.learning_connect_four.games_by_hand import run_of

# Openings of some length, so that the runs below are short.
STARTS = [ending.moves for ending in decisive_endings(3, seed=5)]
ADVANCED = {
    "search": {"simulations": 5},
    "self_play": {
        "games": 4,
        "starts": STARTS,
        "parallel_games": 3,
        "buffer_games": 6,
        "updates": 3,
        "reanalyse_share": 0.5,
        "exploration_rate": 0.1,
    },
    "unroll_steps": 3,
}
METRICS = {
    *("train_loss", "train_policy_loss", "train_value_loss", "reward_loss", "learning_rate"),
    *("examples_per_s", "games_per_s", "simulations_per_s", "buffer_positions", "mean_plies"),
}


def small_run(advanced: dict | None = None, **fields) -> RunSpec:
    given = advanced or {}
    merged = {
        name: {**part, **given.get(name, {})} if isinstance(part, dict) else given.get(name, part)
        for name, part in ADVANCED.items()
    }
    return run_of("muzero", advanced=merged, **{"epochs": 2, "batch_size": 8, **fields})


@pytest.fixture(autouse=True)
def _smallest_units_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run can be cut between any two updates."""
    monkeypatch.setattr(muzero, "WORK_FOR_S", 0.0)


def finish(trainer: MuZeroTrainer) -> list[Event]:
    events: list[Event] = []
    while not trainer.finished:
        events += trainer.advance()
    return events


def reloaded(trainer: MuZeroTrainer, folder: Path) -> MuZeroTrainer:
    path = folder / "run.safetensors"
    save_trainer(path, trainer)
    state, _ = load_training(path)
    other = MuZeroTrainer(trainer.spec)
    other.load_state_dict(state)
    return other


@pytest.mark.parametrize(
    ("advanced", "fields"),
    [
        ({}, {}),
        (
            {"search": {"root": "gumbel"}, "self_play": {"starts": ["4453"]}},
            {"value_target": "mixed", "optimizer": "adamw", "scheduler": "exponential"},
        ),
    ],
    ids=["plain", "gumbel from openings"],
)
def test_a_run_cut_after_every_unit_of_work_ends_the_same(
    advanced: dict, fields: dict, tmp_path: Path
) -> None:
    whole, cut = (MuZeroTrainer(small_run(advanced, **fields)) for _ in range(2))
    events, phases = finish(whole), set()
    while not cut.finished:
        phases.add(cut.iteration.phase)
        list(cut.advance())
        cut = reloaded(cut, tmp_path)

    assert phases == {"play", "reanalyse", "learn"}
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, cut.network.state_dict()[name]), name
    assert cut.games == whole.games > 8 - 1
    reports = [event for event in events if isinstance(event, MetricsReported)]
    assert [report.at for report in reports] == [1, 2]
    for report in reports:
        assert set(report.values) >= METRICS
        assert all(math.isfinite(value) for value in report.values.values())
    games = [event for event in events if isinstance(event, EpisodeFinished)]
    assert 0 < sum(game.recording is not None for game in games) < len(games)


def test_a_stored_game_is_searched_again_with_what_the_network_knows_now() -> None:
    trainer = MuZeroTrainer(small_run())
    while trainer.iteration.phase == "play":
        list(trainer.advance())
    before = {name: column.clone() for name, column in trainer.store.columns.items()}
    with torch.no_grad():
        next(trainer.network.policy_head.parameters()).mul_(-3.0)
    trainer.reanalysis.renew(trainer.store)

    after = trainer.store.columns
    changed = (before["policy"] != after["policy"]).flatten(1).any(dim=1)
    assert int(changed.sum()) == 1
    for name in ("own", "occupied", "moves", "outcome", "plies"):
        assert torch.equal(before[name], after[name]), name
    row = int(changed.nonzero())
    plies = int(after["plies"][row])
    sums = after["policy"][row, :plies].float().sum(dim=1)
    torch.testing.assert_close(sums, torch.ones(plies), atol=2e-3, rtol=0)


def test_a_checkpoint_holds_no_imagined_states() -> None:
    trainer = MuZeroTrainer(small_run())
    list(trainer.advance())

    state = trainer.state_dict()
    assert state["parts"]["self_play"]["search"]["dynamics"]["latents"] is None


def test_a_damaged_state_is_refused() -> None:
    state = MuZeroTrainer(small_run()).state_dict()
    state["parts"]["iteration"]["renewals_left"] = "many"

    with pytest.raises(CheckpointError, match="renewals_left"):
        MuZeroTrainer(small_run()).load_state_dict(state)


def test_a_search_that_needs_the_rules_is_refused() -> None:
    with pytest.raises(SpecError, match=r"search\.transposition: found True; below the root"):
        small_run({"search": {"transposition": True}})
