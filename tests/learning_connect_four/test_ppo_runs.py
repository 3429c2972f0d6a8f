"""A PPO run from its first game to its last: what it says, and that it can be cut anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.envs.connect_four.batch import open_columns_of
from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, SpecError
from hamlet.learning.connect_four.mirrored_asking import ask_policy
from hamlet.learning.connect_four.ppo import LEARNING, PpoTrainer
from hamlet.learning.connect_four.version_pool import VersionPool, most_crowded
from hamlet.learning.trainer import EpisodeFinished, MetricsReported, RunFinished
from hamlet.runspec import RunSpec
from tests.learning.small_worlds import same
from tests.learning_connect_four.games_by_hand import run_of, tiny_network
from tests.learning_connect_four.whole_runs import (
    finish,
    finish_with_cuts,
    through_a_file,
    told,
    units,
)

METRICS = {
    *("train_loss", "train_policy_loss", "train_value_loss", "entropy", "clip_fraction"),
    *("approx_kl", "learning_rate", "examples_per_s", "env_steps", "updates", "mean_plies"),
}


def small_run(seed: int = 3, *, advanced: dict | None = None, **fields) -> RunSpec:
    """Three epochs of two rounds, in a second."""
    settings = {
        "env_steps": 3 * 4 * 14,
        "parallel_games": 4,
        "rollout_steps": 12,
        "passes": 2,
        "pool": 2,
        "opening_plies": 3,
        **(advanced or {}),
    }
    return run_of("ppo", seed=seed, advanced=settings, **{"epochs": 3, "batch_size": 16, **fields})


KINDS = {
    "adam": small_run(),
    "dropout, cosine and sgd": small_run(
        scheduler="cosine", optimizer="sgd", regularization={"dropout": 0.3, "l2": 1e-4}
    ),
    "from an ending, without mirroring": small_run(
        advanced={"starts": ["4444442222", "17"]}, augment={"flip": False}
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_cut_at_many_moments_ends_as_if_nothing_had_happened(
    kind: str, tmp_path: Path
) -> None:
    spec = KINDS[kind]
    whole = PpoTrainer(spec)
    done = list(units(whole))
    expected, last = told([event for unit in done for event in unit]), len(done) - 1
    # Before the first move, between moves, between batches, and just before the end.
    cuts = {0, 1, 6, 7, 8, 11, last // 2, last // 2 + 1, last}
    trainer, events = finish_with_cuts(spec, cuts, tmp_path)

    assert told(events) == expected
    assert same(trainer.state_dict(), whole.state_dict())


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    first, second, other = (PpoTrainer(small_run(seed)) for seed in (3, 3, 4))
    assert told(finish(first)) == told(finish(second))
    finish(other)
    assert same(first.state_dict()["network"], second.state_dict()["network"])
    assert not same(first.state_dict()["network"], other.state_dict()["network"])


@pytest.fixture(scope="module")
def events() -> list:
    return finish(PpoTrainer(small_run()))


def test_every_epoch_reports_its_numbers(events: list) -> None:
    reports = [event for event in events if isinstance(event, MetricsReported)]
    assert [report.at for report in reports] == [1, 2, 3]
    assert [report.values["env_steps"] for report in reports] == [56.0, 112.0, 168.0]
    for report in reports:
        assert set(report.values) >= METRICS
    assert any("win_rate" in report.values for report in reports)
    assert isinstance(events[-1], RunFinished)


def test_every_game_is_counted_and_one_board_is_recorded(events: list) -> None:
    games = [event for event in events if isinstance(event, EpisodeFinished)]
    assert [game.number for game in games] == list(range(1, len(games) + 1))
    recorded = [game for game in games if game.recording is not None]
    assert 0 < len(recorded) < len(games)
    for game in games:
        assert Position.after(int(digit) - 1 for digit in game.summary["moves"]).ended
        assert game.summary["kind"] in ("self_play", "exhibition")
    for game in recorded:
        columns = game.recording.columns
        thought = [policy for policy in columns["policy"] if policy]
        assert len(columns["policy"]) == len(columns["value"]) == len(columns["column"])
        # All but the random plies of the opening.
        assert len(thought) >= len(columns["column"]) - 3
        assert all(sum(policy) == pytest.approx(1.0, abs=0.01) for policy in thought)
        assert set(map(tuple, columns["visits"])) == {()}


def test_the_policy_that_is_improved_is_the_one_that_played() -> None:
    """Or the odds of a move would have changed before the first update."""
    trainer = PpoTrainer(small_run(advanced={"env_steps": 300}))
    for _ in range(2):
        while trainer.clock.phase != LEARNING:
            list(trainer.advance())
        rows = trainer.rollout.take(torch.arange(len(trainer.rollout)))
        logits, values = ask_policy(
            trainer.network, rows["own"], rows["occupied"], rows["flipped"], "fp32"
        )
        policy = MaskedCategorical(logits, open_columns_of(rows["occupied"]))
        torch.testing.assert_close(policy.log_prob(rows["columns"]), rows["log_probs"])
        torch.testing.assert_close(values, rows["values"])
        assert len(rows["flipped"].unique()) == 2
        while trainer.clock.phase == LEARNING:
            list(trainer.advance())


def test_the_pool_is_bounded_and_spread_over_the_run() -> None:
    network = tiny_network("ppo")
    pool = VersionPool(4, network)
    gone = [pool.add(epoch, network) for epoch in range(40)]
    assert gone[:4] == [[], [], [], []]
    assert len(pool.epochs) == 4
    assert (pool.epochs[0], pool.epochs[-1]) == (0, 39)
    assert max(b - a for a, b in zip(pool.epochs, pool.epochs[1:], strict=False)) < 25
    assert most_crowded([0, 4, 5, 9]) in (4, 5)
    assert most_crowded([3, 8]) == 3


def test_a_version_in_the_pool_does_not_learn_along() -> None:
    trainer = PpoTrainer(small_run(advanced={"pool": 4}))
    list(trainer.advance())
    first = {name: value.clone() for name, value in trainer.pool.networks[0].state_dict().items()}
    finish(trainer)
    assert same(dict(trainer.pool.networks[0].state_dict()), first)
    assert trainer.pool.epochs == [0, 1, 2, 3]
    assert not same(dict(trainer.pool.networks[3].state_dict()), first)


def test_no_env_steps_are_refused_by_name() -> None:
    with pytest.raises(SpecError, match=r"config\.advanced_config\.env_steps: found 0"):
        small_run(advanced={"env_steps": 0})


@pytest.mark.parametrize("start", ["8", "1111111", "1212121", 4, ""])
def test_starts_that_are_no_running_game_are_refused(start: object) -> None:
    if start == "":
        assert small_run(advanced={"starts": [start]})  # the empty board
        return
    with pytest.raises(SpecError, match=r"config\.advanced_config\.starts\[0\]"):
        small_run(advanced={"starts": [start]})


def test_a_state_with_an_opponent_that_the_pool_does_not_have_is_refused(tmp_path: Path) -> None:
    trainer = PpoTrainer(small_run())
    for _ in range(5):
        list(trainer.advance())
    assert same(
        through_a_file(trainer, tmp_path / "good.safetensors").state_dict(), trainer.state_dict()
    )
    state = trainer.state_dict()
    state["parts"]["games"]["opponents"][0] = 77
    with pytest.raises(CheckpointError, match="opponents that the pool does not have"):
        PpoTrainer(small_run()).load_state_dict(state)
