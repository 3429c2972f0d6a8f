"""The streams that are logged are the ones that are learned from, bit for bit."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
import torch

from hamlet.learning.next_masks import NextMasks
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import EpisodeFinished
from hamlet.learning.transitions import rewards_now, total_reward
from tests.learning.small_worlds import BRAINS, finish, small_run

SHAPED = {"shaping": {"approach": 0.7, "crisis_avoidance": 0.3}}


def logged(trainer: TownTrainer) -> dict[str, torch.Tensor]:
    """What the recorder wrote for the newest step, before any rounding."""
    newest = trainer.recorder.state_dict()["fractions"][-1]
    return dict(zip(("extrinsic", "intrinsic", "shaping", "novelty"), newest[-4:], strict=True))


def learned_from(trainer: TownTrainer) -> torch.Tensor:
    """The reward that an update would use for the newest step of the recorded environment."""
    replay = trainer.agent.replay
    row = (replay.cursor - trainer.num_envs) % replay.capacity
    batch = replay.rows(torch.tensor([row]))
    assert batch.env_rows.item() == 0
    return rewards_now(batch, trainer.env.sparse, trainer.agent.discount)[0]


def steps_inside_episodes(trainer: TownTrainer, count: int) -> Any:
    """Advance, and stop after every step that did not end the recorded episode."""
    found = 0
    while found < count:
        list(trainer.advance())
        if len(trainer.recorder.state_dict()["whole"]):
            found += 1
            yield


@pytest.mark.parametrize("sparse", [False, True])
def test_logged_streams_add_up_to_the_reward_in_learning(sparse: bool) -> None:
    trainer = TownTrainer(small_run(town=SHAPED | {"max_steps": 40}, episodes=1000))
    trainer.env.set_stage(sparse=sparse)
    seen = []
    for _ in steps_inside_episodes(trainer, 60):
        row = logged(trainer)
        total = total_reward(row["extrinsic"], row["intrinsic"], row["shaping"])
        assert total.dtype == torch.float32
        assert torch.equal(total, learned_from(trainer))
        seen.append(row)
    assert any(row["intrinsic"] > 0 for row in seen)
    assert any(row["shaping"] != 0 for row in seen)
    assert all((row["extrinsic"] == 0) == sparse for row in seen)


@pytest.mark.parametrize("sparse", [False, True])
def test_logged_streams_add_up_to_the_reward_in_learning_from_sequences(sparse: bool) -> None:
    roomy = BRAINS["recurrent"]["replay"] | {"capacity": 800}
    trainer = TownTrainer(
        small_run(
            BRAINS["recurrent"] | {"replay": roomy},
            town=SHAPED | {"max_steps": 40},
            training={"num_envs": 2, "intrinsic": {"embedding": 8, "train_every": 16}},
            episodes=1000,
        )
    )
    trainer.env.set_stage(sparse=sparse)
    totals = []
    for _ in range(40):
        list(trainer.advance())
        if len(trainer.recorder.state_dict()["whole"]):
            row = logged(trainer)
            totals.append(total_reward(row["extrinsic"], row["intrinsic"], row["shaping"]))
    # Without overlap: each window trains on the stride that follows the one before it.
    replay = trainer.agent.replay
    assert replay.stride == replay.sequence_length
    windows = replay.rows(torch.arange(len(replay)))
    rewards = rewards_now(windows, trainer.env.sparse, trainer.agent.learner.discount)
    mine = windows.env_rows == 0
    learned = rewards[:, mine].T[windows.valid[:, mine].T]
    assert len(learned) == 40
    # The page of the recorder is turned with the last step.
    assert torch.equal(torch.stack(totals), learned[:39])
    assert len(set(learned.tolist())) > 30


def test_each_shaping_term_has_a_column_and_together_they_are_the_stream() -> None:
    terms = {"diversity": 0.4, "approach": 0.7, "crisis_avoidance": 0.3, "completion": 0.2}
    weak = {"shaping": terms, "start": {"energy": 0.3}, "max_steps": 40}
    trainer = TownTrainer(small_run(town=weak, episodes=1000))
    names = ("approach", "completion", "crisis_avoidance", "diversity")
    assert trainer.env.shaping_terms == names
    seen = []
    for _ in steps_inside_episodes(trainer, 60):
        newest = trainer.recorder.state_dict()["fractions"][-1]
        columns = newest[-4 - len(names) : -4]
        assert torch.equal(reduce(torch.add, columns), logged(trainer)["shaping"])
        seen.append(columns)
    assert (torch.stack(seen) != 0).any(dim=0).all()


def test_a_recording_and_a_summary_hold_each_shaping_term_that_is_on() -> None:
    shaped = {"shaping": {"approach": 0.7, "diversity": 0.4}, "max_steps": 20}
    events = finish(TownTrainer(small_run(town=shaped, episodes=12)))
    for event in events:
        if isinstance(event, EpisodeFinished):
            paid = [event.summary[f"return_shaping_{name}"] for name in shaped["shaping"]]
            assert sum(paid) == pytest.approx(event.summary["return_shaping"], abs=1e-5)
        if isinstance(event, EpisodeFinished) and event.recording:
            columns, totals = event.recording.columns, event.recording.end["totals"]
            names = [name for name in columns if name.startswith("shaping_")]
            assert names == ["shaping_approach", "shaping_diversity"]
            parts = zip(columns["shaping_approach"], columns["shaping_diversity"], strict=True)
            assert columns["shaping"] == pytest.approx([a + b for a, b in parts], abs=1e-4)
            assert totals["shaping_diversity"] == pytest.approx(paid[1], rel=1e-4)
            assert list(totals) == ["extrinsic", "intrinsic", "shaping", *names]
    assert "mean_return_shaping_approach" in events[-1].metrics
    plain = finish(TownTrainer(small_run(episodes=3)))
    assert not any("shaping_" in name for name in plain[0].summary)
    assert not any("shaping_" in name for name in plain[0].recording.columns)


def test_the_order_of_the_sum_is_extrinsic_intrinsic_shaping() -> None:
    # In float32 the order shows: (1e8 + -1e8) + 1 is 1, 1e8 + (-1e8 + 1) is 0.
    streams = (torch.tensor([1e8]), torch.tensor([-1e8]), torch.tensor([1.0]))
    assert total_reward(*streams).item() == 1.0


def test_curiosity_is_logged_with_the_weight_in_force_at_that_step() -> None:
    fast = {
        "num_envs": 3,
        "intrinsic": {
            "base_weight": 0.5,
            "embedding": 8,
            "train_every": 16,
            "annealing": {"window": 10, "survival_above": 0.0, "factor": 0.9},
        },
    }
    trainer = TownTrainer(small_run(training=fast, town={"max_steps": 20}, episodes=1000))
    weights = set()
    for _ in range(200):
        weight = trainer.curiosity.weight
        list(trainer.advance())
        if trainer.curiosity.rnd.pays and len(trainer.recorder.state_dict()["whole"]):
            row = logged(trainer)
            assert torch.equal(row["intrinsic"], row["novelty"] * weight)
            weights.add(weight)
    assert len(weights) > 3


def test_a_modifier_silences_curiosity_where_the_level_says_so() -> None:
    silent = {"intrinsic_modifiers": [{"meter": "energy", "max": 0.93, "multiplier": 0.0}]}
    trainer = TownTrainer(small_run(town=silent | {"max_steps": 40}, episodes=1000))
    curious, silenced = 0, 0
    for _ in steps_inside_episodes(trainer, 80):
        row = logged(trainer)
        if trainer.curiosity.rnd.pays:
            low = bool(trainer.env.meters[0, 0] < 0.93)
            assert (row["intrinsic"] == 0) == low
            silenced += low
            curious += not low
    assert curious > 0
    assert silenced > 0


def test_a_change_of_stage_turns_stored_rewards_into_the_sparse_ones() -> None:
    trainer = TownTrainer(small_run(episodes=1000))
    for _ in range(30):
        list(trainer.advance())
    agent = trainer.agent
    batch = agent.replay.rows(torch.arange(20))
    dense = rewards_now(batch, trainer.env.sparse, agent.discount).clone()
    ours = batch.env_rows == 1
    died = torch.zeros(20, dtype=torch.bool)
    died[ours.nonzero()[2]] = True
    batch.terminated[:] = died
    per_env = torch.tensor([False, True, False])
    changed = rewards_now(batch, per_env, agent.discount)
    assert torch.equal(changed[~ours], dense[~ours])
    expected = torch.where(died, -1.0, 0.0) + batch.intrinsic + batch.shaping
    assert torch.equal(changed[ours], expected[ours])
    assert not torch.equal(changed[ours], dense[ours])


def test_the_situation_at_the_time_limit_keeps_its_legal_actions() -> None:
    trainer = TownTrainer(small_run(episodes=1000))
    env, masks = trainer.env, NextMasks(trainer.env)
    for step in range(6):
        env.step(torch.full((3,), 5))
        found = masks()
        if step < 5:
            assert torch.equal(found, env.action_mask)
    assert env.truncated.all()
    assert env.action_mask.sum(dim=1).tolist() == [1, 1, 1]
    # The agent waited, so the situation is that of the start: the same actions would be legal.
    env.truncated = torch.zeros_like(env.truncated)
    env._refresh()
    assert torch.equal(found, env.action_mask)
    assert (found.sum(dim=1) > 2).all()
