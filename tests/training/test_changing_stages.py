"""What a worker leaves of a curriculum that moves: events and recordings."""

from __future__ import annotations

import pytest

from tests.training.tiny_runs import CLIMBING, TRAINING, queue_tiny
from training import execution
from training.models import Replay, Run, RunEvent, RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]


@pytest.fixture
def climbed(instructor) -> Run:
    run = queue_tiny(instructor, training={**TRAINING, **CLIMBING}, episodes=60)
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    return run


def test_each_change_is_kept_with_its_stages_and_what_caused_it(climbed: Run) -> None:
    changes = RunEvent.objects.filter(run=climbed, kind="stage").order_by("pk")
    # Two towns of 12 steps a day: 300 steps are over with the 13th day, 300 more with the 26th.
    assert [(event.at_unit, event.text) for event in changes] == [
        (25, "stage 1 -> 2"),
        (51, "stage 2 -> 3"),
    ]
    for event, old in zip(changes, (1, 2), strict=True):
        assert (event.data["old"], event.data["new"]) == (old, old + 1)
        statistics = event.data["statistics"]
        assert statistics["entropy"] < 0.5
        assert {name: statistics[name] for name in statistics if name != "entropy"} == {
            "survival": 1.0,
            "progress": 0.0,
            "dwell_steps": 312.0,
            "episodes": 20.0,
        }
    assert set(climbed.episodes.filter(number__lte=26).values_list("stage", flat=True)) == {1}
    assert climbed.episodes.get(number=27).stage == 2


def test_the_recordings_around_a_change_are_kept(climbed: Run) -> None:
    def numbers(reason: str, stage: int) -> list[int]:
        found = Replay.objects.filter(run=climbed, stage=stage).order_by("number")
        return [replay.number for replay in found if reason in replay.reasons]

    # One of the two towns is recorded: the episodes with odd numbers.
    assert numbers("before stage change", 1) == [17, 19, 21, 23, 25]
    assert numbers("after stage change", 2) == list(range(27, 47, 2))
