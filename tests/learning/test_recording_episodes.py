"""Recorded episodes hold what happened, in the shape that watchers expect."""

from __future__ import annotations

import json

import pytest
import torch

from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import EpisodeFinished
from hamlet.recording import Episode
from hamlet.recording.recorder import EpisodeRecorder, StepRecord, rounded
from tests.learning.small_worlds import finish, small_run

COLUMNS = [
    "x",
    "y",
    "meters",
    "action",
    "mask",
    "q_values",
    "extrinsic",
    "intrinsic",
    "shaping",
    "novelty",
    "hour",
    "progress",
    "greedy",
]


def recorder(**options: object) -> EpisodeRecorder:
    return EpisodeRecorder(5, 4, ("Bed", "Bar", "Job"), meters=2, actions=3, row=1, **options)


def step(cell: int, *, affordance: int = -1, reward: float = 0.5, action: int = 0) -> StepRecord:
    """One step of two environments; the second is the recorded one."""

    def both(value: float, kind: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.tensor([-77, value]).to(kind)

    whole = torch.int64
    return StepRecord(
        cell=both(cell, whole),
        hour=both(7, whole),
        progress=both(2, whole),
        meters=torch.tensor([[0.0, 0.0], [0.25, 1.0]]),
        mask=torch.tensor([[False] * 3, [True, False, True]]),
        q_values=torch.tensor([[9.0, 9.0, 9.0], [1.5, -2.0, 0.0]]),
        action=both(action, whole),
        greedy=torch.tensor([False, True]),
        extrinsic=both(reward),
        intrinsic=both(0.125),
        shaping=both(-1.0),
        novelty=both(2.0),
        affordance=both(affordance, whole),
    )


def recorded(*steps: StepRecord) -> Episode:
    made = recorder()
    made.begin({"mode": "live_training"})
    for one in steps:
        made.record(one)
    return made.finish(3, "time limit", torch.tensor([0.2, 0.4]))


def test_every_column_holds_the_recorded_environment_step_by_step() -> None:
    episode = recorded(step(6, action=2), step(7))
    assert list(episode.columns) == COLUMNS
    assert episode.steps == 2
    columns = episode.columns
    assert columns["x"] == [2, 3]
    assert columns["y"] == [1, 1]
    assert columns["meters"] == [[0.25, 1.0]] * 2
    assert columns["action"] == [2, 0]
    assert columns["mask"] == [[True, False, True]] * 2
    assert columns["q_values"] == [[1.5, -2.0, 0.0]] * 2
    assert columns["extrinsic"] == [0.5, 0.5]
    assert columns["intrinsic"] == [0.125, 0.125]
    assert columns["shaping"] == [-1.0, -1.0]
    assert columns["novelty"] == [2.0, 2.0]
    assert columns["hour"] == [7, 7]
    assert columns["progress"] == [2, 2]
    assert columns["greedy"] == [True, True]


def test_the_end_sums_the_streams_and_counts_places() -> None:
    episode = recorded(
        step(0, affordance=0, reward=1.0),
        step(0, affordance=0),
        step(1),
        step(2, affordance=2),
        step(0, affordance=0),
    )
    assert episode.end == {
        "reason": "time limit",
        "survival_steps": 5,
        "totals": {"extrinsic": 3.0, "intrinsic": 0.625, "shaping": -5.0},
        "visits": {"Bed": 3, "Job": 1},
        "transitions": {"Bed>Job": 1, "Job>Bed": 1},
        "meters_at_end": [0.2, 0.4],
    }


def test_a_new_episode_begins_with_an_empty_page() -> None:
    made = recorder()
    for _ in range(2):
        made.begin({})
        for _ in range(3):
            made.record(step(1))
        assert made.finish(1, "time limit", torch.zeros(2)).steps == 3


def test_an_earlier_episode_is_not_changed_by_the_next() -> None:
    made = recorder()
    made.begin({})
    made.record(step(1))
    first = made.finish(1, "time limit", torch.zeros(2))
    kept = json.dumps(first.columns)
    made.begin({})
    made.record(step(3))
    made.finish(2, "time limit", torch.zeros(2))
    assert json.dumps(first.columns) == kept


def test_half_an_episode_survives_a_restart() -> None:
    made, again = recorder(), recorder()
    made.begin({"epsilon": 0.5})
    made.record(step(1))
    again.load_state_dict(made.state_dict())
    for one in (made, again):
        one.record(step(2))
    whole, resumed = (one.finish(4, "time limit", torch.zeros(2)) for one in (made, again))
    assert resumed.columns == whole.columns
    assert resumed.start == whole.start == {"epsilon": 0.5}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, 0.12346),
        (-98765.4321, -98765.0),
        (1.23456e-7, 1.2346e-07),
        (-0.0, 0.0),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_numbers_travel_with_five_digits(value: float, expected: float | None) -> None:
    assert rounded(torch.tensor([value], dtype=torch.float64)) == [expected]


def test_a_run_of_the_town_records_whole_episodes() -> None:
    trainer = TownTrainer(small_run("recurrent", town={"max_steps": 9}, episodes=12))
    found = [event for event in finish(trainer) if isinstance(event, EpisodeFinished)]
    for event in found:
        if event.recording is None:
            continue
        episode, summary = event.recording, event.summary
        assert episode.number == event.number
        assert episode.steps == summary["survival_steps"] == 9
        assert {len(column) for column in episode.columns.values()} == {9}
        assert set(episode.start) == {
            "mode",
            "survival_limit",
            "curriculum_stage",
            "multiplier",
            "epsilon",
            "intrinsic_weight",
            "layout",
        }
        agent = episode.start["layout"]["agent"]
        assert (episode.columns["x"][0], episode.columns["y"][0]) == (agent["x"], agent["y"])
        total = episode.end["totals"]["extrinsic"]
        assert total == pytest.approx(summary["return_extrinsic"], rel=1e-3)
        chosen = zip(episode.columns["action"], episode.columns["mask"], strict=True)
        assert all(mask[action] for action, mask in chosen)
        json.dumps([episode.start, episode.columns, episode.end], allow_nan=False)
