"""What a run of the town does and says, step by step and to the end."""

from __future__ import annotations

import logging

import pytest
import torch

from hamlet.learning.epsilon import greedy_actions
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    MetricsReported,
    Progress,
    RunFinished,
)
from hamlet.learning.update_clock import UpdateClock
from hamlet.recording import Episode
from hamlet.systems import SYSTEMS
from tests.learning.small_worlds import TRAINING, finish, log_rows, small_run


def episodes_of(trainer: TownTrainer) -> list[EpisodeFinished]:
    return [event for event in finish(trainer) if isinstance(event, EpisodeFinished)]


def test_the_table_of_systems_builds_and_trains_it() -> None:
    town = SYSTEMS["town"]
    spec = town.build_runspec({"level": "L0", "episodes": 1, "training": {"num_envs": 2}})
    trainer = town.make_trainer(spec)
    assert trainer.progress == Progress(0, 1, "episode")
    list(trainer.advance())
    assert trainer.env_steps == 2


@pytest.mark.parametrize("budget", [1, 7, 9])
def test_the_budget_is_exact_where_several_episodes_end_at_once(budget: int) -> None:
    # Three environments live six steps each, so episodes end three at a time.
    trainer = TownTrainer(small_run(episodes=budget))
    events = finish(trainer)
    numbers = [event.number for event in events if isinstance(event, EpisodeFinished)]
    assert numbers == list(range(1, budget + 1))
    assert isinstance(events[-1], RunFinished)
    assert sum(isinstance(event, RunFinished) for event in events) == 1
    assert trainer.progress == Progress(budget, budget, "episode")
    assert list(trainer.advance()) == []


def test_a_unit_of_work_is_done_whether_or_not_its_events_are_read() -> None:
    read, unread = (TownTrainer(small_run(episodes=1000)) for _ in range(2))
    for _ in range(15):
        list(read.advance())
        unread.advance()
    assert unread.env_steps == read.env_steps == 45
    assert unread.finished_episodes == read.finished_episodes == 6


def test_checkpoints_are_due_every_so_many_episodes() -> None:
    events = finish(TownTrainer(small_run(episodes=25)))
    assert [event.at for event in events if isinstance(event, CheckpointDue)] == [10, 20]


def test_numbers_for_the_charts_cover_every_episode_once() -> None:
    events = finish(TownTrainer(small_run(episodes=25)))
    reports = [event for event in events if isinstance(event, MetricsReported)]
    assert [report.at for report in reports] == [12, 24, 25]
    assert events[-1].metrics == reports[-1].values
    values = reports[1].values
    assert values["mean_survival_steps"] == 6.0
    assert values["updates"] > 0
    assert values["loss"] > 0
    assert values["env_steps"] == 8 * 6 * 3
    assert values["env_steps_per_s"] > 0
    assert all(isinstance(value, float) for value in values.values())
    rows = [event for event in events if isinstance(event, EpisodeFinished)][12:24]
    mean = sum(row.summary["return_extrinsic"] for row in rows) / 12
    assert values["mean_return_extrinsic"] == pytest.approx(mean)


def test_a_summary_says_how_an_episode_went() -> None:
    trainer = TownTrainer(small_run(episodes=4))
    first, *_, last = episodes_of(trainer)
    summary = first.summary
    assert summary["survival_steps"] == 6
    assert summary["reason"] == "time limit"
    assert summary["score"] == pytest.approx(summary["return_extrinsic"], rel=1e-6)
    assert summary["epsilon"] == 1.0
    assert last.summary["epsilon"] == pytest.approx(0.9992**3)


def test_a_death_is_named_by_its_meter() -> None:
    weak = {"start": {"energy": 0.02}, "max_steps": 50, "affordances": ["Park"]}
    first = episodes_of(TownTrainer(small_run(town=weak, episodes=2)))[0]
    assert first.summary["reason"] == "death: energy"
    assert first.summary["survival_steps"] < 50


def test_only_the_first_environment_is_recorded() -> None:
    for event in episodes_of(TownTrainer(small_run(episodes=9))):
        assert (event.recording is not None) == (event.summary["env_row"] == 0)


def test_learning_starts_after_the_first_steps_and_then_keeps_its_ratio() -> None:
    trainer = TownTrainer(small_run(episodes=1000))
    counts = []
    for _ in range(15):
        list(trainer.advance())
        counts.append(trainer.agent.learner.updates)
    # Three environments: 21 steps are above 20, then one update for each four steps.
    assert counts[:6] == [0] * 6
    assert counts[6:] == [0, 1, 2, 3, 3, 4, 5, 6, 6]


def test_updates_per_vector_step_are_bounded_and_do_not_pile_up() -> None:
    clock = UpdateClock(every=4, most_per_step=8, starts=0)
    assert [clock.updates_after(64 * (k + 1), 64) for k in range(3)] == [8, 8, 8]
    assert clock.updates_after(300, 4) == 1


def test_the_model_of_a_run_answers_as_the_agent_acts() -> None:
    trainer = TownTrainer(small_run("dueling", episodes=9))
    finish(trainer)
    model = trainer.inference_model()
    env = trainer.env
    answer = model.predict(env.obs, action_mask=env.action_mask)
    q_values = trainer.agent.q_values(env.obs)
    assert torch.allclose(answer["q_values"], q_values, atol=1e-6)
    assert torch.equal(answer["actions"], greedy_actions(q_values, env.action_mask))
    assert model.metadata == {
        "training_episode": 9,
        "epsilon": trainer.epsilon.value,
        "curriculum_stage": 0,
        "level": "hamlet",
        "level_hash": trainer.level.hash,
    }


def test_finished_recordings_go_to_the_watcher() -> None:
    seen: list[Episode] = []
    trainer = TownTrainer(small_run(episodes=9), live_stream_callback=seen.append)
    recorded = [event.recording for event in episodes_of(trainer) if event.recording]
    assert seen == recorded
    assert len(seen) == 3


def test_a_failing_watcher_is_logged_once_per_kind_and_training_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = iter([ValueError("a"), ValueError("b"), KeyError("c")])

    def fail(_: Episode) -> None:
        raise next(errors)

    spec = small_run(episodes=9)
    with caplog.at_level(logging.ERROR):
        watched = log_rows(finish(TownTrainer(spec, live_stream_callback=fail)))
    assert len(caplog.records) == 2
    assert watched == log_rows(finish(TownTrainer(spec)))


def test_many_environments_and_few_steps_of_replay_work_together() -> None:
    crowded = TRAINING | {"num_envs": 64}
    trainer = TownTrainer(small_run(training=crowded, episodes=130))
    assert len(episodes_of(trainer)) == 130
