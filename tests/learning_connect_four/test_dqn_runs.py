"""A DQN run from its first game to its last: what it says, and that it can be cut anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hamlet.envs.connect_four.position import Position
from hamlet.errors import SpecError
from hamlet.learning.connect_four.dqn import DqnTrainer
from hamlet.learning.trainer import EpisodeFinished, MetricsReported, RunFinished
from hamlet.runspec import RunSpec
from tests.learning.small_worlds import same
from tests.learning_connect_four.games_by_hand import run_of
from tests.learning_connect_four.whole_runs import finish, finish_with_cuts, told, units

METRICS = {
    *("train_loss", "q_mean", "td_error", "epsilon", "learning_rate", "examples_per_s"),
    *("env_steps", "updates", "mean_plies", "replay_filled"),
}


def small_run(seed: int = 3, *, advanced: dict | None = None, **fields) -> RunSpec:
    """Three epochs of 24 plies in four games, in a second."""
    settings = {
        "env_steps": 3 * 4 * 24,
        "parallel_games": 4,
        "n_steps": 3,
        "replay": {"capacity": 80},
        "learning_starts": 30,
        "env_steps_per_update": 10,
        "target_every": 5,
        "epsilon": {"start": 1.0, "end": 0.05, "share": 0.5},
        "opening_plies": 3,
        **(advanced or {}),
    }
    return run_of("dqn", seed=seed, advanced=settings, **{"epochs": 3, "batch_size": 16, **fields})


KINDS = {
    "adam": small_run(),
    "dropout, cosine and rmsprop": small_run(
        scheduler="cosine", optimizer="rmsprop", regularization={"dropout": 0.3, "l2": 1e-4}
    ),
    "from an ending, several updates at once, without mirroring": small_run(
        advanced={"starts": ["4444442222", "17"], "env_steps_per_update": 3, "n_steps": 1},
        augment={"flip": False},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_cut_at_many_moments_ends_as_if_nothing_had_happened(
    kind: str, tmp_path: Path
) -> None:
    spec = KINDS[kind]
    whole = DqnTrainer(spec)
    done = list(units(whole))
    expected, last = told([event for unit in done for event in unit]), len(done) - 1
    # Before the first ply, before and after the first update, and just before the end.
    cuts = {0, 1, 8, 9, 10, 11, last // 2, last // 2 + 1, last}
    trainer, events = finish_with_cuts(spec, cuts, tmp_path)

    assert told(events) == expected
    assert same(trainer.state_dict(), whole.state_dict())


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    first, second, other = (DqnTrainer(small_run(seed)) for seed in (3, 3, 4))
    assert told(finish(first)) == told(finish(second))
    finish(other)
    assert same(first.state_dict()["network"], second.state_dict()["network"])
    assert not same(first.state_dict()["network"], other.state_dict()["network"])


@pytest.fixture(scope="module")
def events() -> list:
    return finish(DqnTrainer(small_run()))


def test_every_epoch_reports_its_numbers(events: list) -> None:
    reports = [event for event in events if isinstance(event, MetricsReported)]
    assert [report.at for report in reports] == [1, 2, 3]
    assert [report.values["env_steps"] for report in reports] == [96.0, 192.0, 288.0]
    # One for each ten plies after the first thirty: the 32nd ply is the first that counts.
    assert [report.values["updates"] for report in reports] == [6.0, 16.0, 26.0]
    for report in reports:
        assert set(report.values) >= METRICS
    assert isinstance(events[-1], RunFinished)


def test_epsilon_falls_evenly_until_its_share_of_the_run_is_over(events: list) -> None:
    reports = [event for event in events if isinstance(event, MetricsReported)]
    expected = [1.0 - 0.95 * (2 / 3), 0.05, 0.05]
    assert [report.values["epsilon"] for report in reports] == pytest.approx(expected)


def test_every_game_is_counted_and_one_board_is_recorded(events: list) -> None:
    games = [event for event in events if isinstance(event, EpisodeFinished)]
    assert [game.number for game in games] == list(range(1, len(games) + 1))
    recorded = [game for game in games if game.recording is not None]
    assert 0 < len(recorded) < len(games)
    for game in games:
        assert Position.after(int(digit) - 1 for digit in game.summary["moves"]).ended
        assert (game.summary["kind"], game.summary["red"]) == ("self_play", "newest network")
    for game in recorded:
        columns = game.recording.columns
        thought = [policy for policy in columns["policy"] if policy]
        assert len(columns["policy"]) == len(columns["value"]) == len(columns["column"])
        assert len(thought) >= len(columns["column"]) - 3
        assert all(sum(policy) == pytest.approx(1.0, abs=0.01) for policy in thought)


def test_both_sides_are_learned_from() -> None:
    """Of a game of seven plies the four of the winner are worth gamma^k, the others minus that."""
    discount = 0.9
    trainer = DqnTrainer(
        small_run(
            advanced={
                "opening_plies": 0,
                "parallel_games": 1,
                "env_steps": 60,
                "n_steps": 42,
                "discount": discount,
                "learning_starts": 1000,
            }
        )
    )
    moves = None
    while moves is None:
        for event in trainer.advance():
            if isinstance(event, EpisodeFinished) and event.summary["score"] != 0:
                moves = event.summary["moves"]
    plies = trainer.replay.rows(torch.arange(len(trainer.replay)))
    expected = [(-discount) ** left for left in reversed(range(len(moves)))]
    assert plies.rewards[-len(moves) :].tolist() == pytest.approx(expected)
    assert bool(plies.ended.all())


def test_the_target_network_follows_in_jumps() -> None:
    trainer = DqnTrainer(small_run())
    learner = trainer.learner
    while learner.descent.updates < 4:
        list(trainer.advance())
    assert not same(dict(learner.target.state_dict()), dict(trainer.network.state_dict()))
    while learner.descent.updates < 5:
        list(trainer.advance())
    assert same(dict(learner.target.state_dict()), dict(trainer.network.state_dict()))


def test_no_env_steps_are_refused_by_name() -> None:
    with pytest.raises(SpecError, match=r"config\.advanced_config\.env_steps: found 0"):
        small_run(advanced={"env_steps": 0})
