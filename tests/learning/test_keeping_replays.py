"""Which recordings are kept, one criterion at a time."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch

from hamlet.errors import CheckpointError
from hamlet.learning.trainer import EpisodeFinished
from hamlet.recording import Episode, ReplayKeeper


def finished(
    number: int, *, score: float | None = None, stage: int = 1, recorded: bool = True
) -> EpisodeFinished:
    """Scores repeat 50 times in a row, so that by itself no episode stands out."""
    episode = Episode(number, {}, {"x": [0]}, {}, 0.0) if recorded else None
    score = float(number % 100 // 50) if score is None else score
    summary = {"survival_steps": 1, "score": score, "reason": "time limit", "stage": stage}
    return EpisodeFinished(number, summary, episode)


def kept_of(keeper: ReplayKeeper, offered: list[EpisodeFinished]) -> dict[int, list[str]]:
    """The reasons by episode number."""
    kept = [pair for event in offered for pair in keeper.offer(event)]
    numbers = [episode.number for episode, _ in kept]
    assert len(numbers) == len(set(numbers)), "an episode was kept twice"
    return {episode.number: reasons for episode, reasons in kept}


def reasons_for(kept: dict[int, list[str]], reason: str) -> list[int]:
    return [number for number, reasons in kept.items() if reason in reasons]


def test_every_hundredth_is_kept() -> None:
    kept = kept_of(ReplayKeeper(), [finished(number) for number in range(1, 351)])
    assert reasons_for(kept, "every 100th") == [100, 200, 300]


def test_where_the_hundredth_is_not_recorded_the_next_recording_is_kept() -> None:
    offered = [finished(number, recorded=number % 16 == 7) for number in range(1, 321)]
    assert reasons_for(kept_of(ReplayKeeper(), offered), "every 100th") == [103, 215, 311]


def test_five_before_and_ten_after_a_change_of_stage_are_kept() -> None:
    offered = [finished(number, stage=1 if number <= 40 else 2) for number in range(1, 80)]
    kept = kept_of(ReplayKeeper(), offered)
    assert reasons_for(kept, "before stage change") == [36, 37, 38, 39, 40]
    assert reasons_for(kept, "after stage change") == list(range(41, 51))
    assert len(kept) == 15


def test_a_fall_to_a_milder_stage_counts_too_and_may_come_soon() -> None:
    stages = [2] * 10 + [3] * 3 + [2] * 20
    offered = [finished(number, stage=stage) for number, stage in enumerate(stages, start=1)]
    kept = kept_of(ReplayKeeper(), offered)
    # Episodes 11 to 13 were kept after the first change already.
    assert reasons_for(kept, "before stage change") == [6, 7, 8, 9, 10]
    assert reasons_for(kept, "after stage change") == list(range(11, 24))


def test_the_best_and_worst_of_the_last_hundred_are_kept() -> None:
    keeper = ReplayKeeper()
    kept_of(keeper, [finished(number, score=float(number % 50)) for number in range(1, 100)])
    record = keeper.offer(finished(100, score=99.0))
    assert record[0][1] == ["every 100th", "best of 100"]
    assert keeper.offer(finished(101, score=-1.0))[0][1] == ["worst of 100"]
    assert keeper.offer(finished(102, score=25.0)) == []


def test_exactly_five_in_a_hundred_count_as_best() -> None:
    def is_best(better: int) -> bool:
        keeper = ReplayKeeper()
        for number in range(1, 101):
            score = 10.0 if number <= better else 1.0
            keeper.offer(finished(number, score=score, recorded=False))
        # The window of 100 ends with this one, so the first of the hundred has left it.
        kept = keeper.offer(finished(101, score=5.0))
        return bool(kept) and "best of 100" in kept[0][1]

    assert is_best(5)
    assert not is_best(6)


def test_unrecorded_episodes_are_compared_with_too() -> None:
    keeper = ReplayKeeper()
    for number in range(1, 100):
        keeper.offer(finished(number, score=100.0, recorded=False))
    assert keeper.offer(finished(100, score=50.0))[0][1] == ["every 100th", "worst of 100"]


def test_nothing_is_best_before_a_hundred_were_played() -> None:
    keeper = ReplayKeeper()
    offered = [finished(number, score=float(number)) for number in range(1, 99)]
    assert kept_of(keeper, offered) == {}


def test_equal_scores_are_neither_best_nor_worst() -> None:
    offered = [finished(number, score=500.0) for number in range(1, 400)]
    assert list(kept_of(ReplayKeeper(), offered)) == [100, 200, 300]


def test_a_saved_keeper_goes_on() -> None:
    keeper, again = ReplayKeeper(), ReplayKeeper()
    kept_of(keeper, [finished(number) for number in range(1, 103)])
    again.load_state_dict(keeper.state_dict())
    rest = [finished(number, stage=2) for number in range(103, 120)]
    assert kept_of(keeper, rest) == kept_of(again, rest)
    assert plain(again.state_dict()) == plain(keeper.state_dict())


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """A keeper's state without tensors."""
    waiting = [None if saved is None else saved.tolist() for saved in state["waiting"]]
    return {**state, "waiting": waiting}


def saved_state() -> dict[str, Any]:
    keeper = ReplayKeeper()
    kept_of(keeper, [finished(number) for number in range(1, 4)])
    return keeper.state_dict()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scores", ["x"], "scores[0]: found 'x'; expected a number"),
        ("scores", [math.nan], "scores[0]: found nan"),
        ("scores", [1.0] * 101, "scores: found a list of 101"),
        ("waiting", None, "waiting: found nothing; expected a list of 0 to 5"),
        ("waiting", [None] * 6, "waiting: found a list of 6"),
        ("waiting", ["AAAA"], "waiting[0]: found a str; expected the bytes of a recording"),
        ("waiting", [torch.zeros(3)], "waiting[0]: found a tensor [3] of torch.float32"),
        ("waiting", [torch.zeros(3, dtype=torch.uint8)], "waiting[0]: found no recording"),
        ("next_regular", 0, "next_regular: found 0; expected a whole number from 100"),
        ("stage", 1.5, "stage: found 1.5"),
        ("still_after", -5, "still_after: found -5; expected a whole number from 0 to 10"),
        ("still_after", True, "still_after: found True"),
    ],
)
def test_a_state_that_no_keeper_had_is_refused_by_field(
    field: str, value: object, message: str
) -> None:
    with pytest.raises(CheckpointError, match=f"keeper.{re.escape(message)}"):
        ReplayKeeper().load_state_dict({**saved_state(), field: value})


def test_a_state_that_lacks_a_field_is_refused() -> None:
    for field in saved_state():
        state = saved_state()
        del state[field]
        with pytest.raises(CheckpointError, match=f"keeper: cannot be read .*{field}"):
            ReplayKeeper().load_state_dict(state)


def test_a_refused_state_leaves_the_keeper_as_it_was() -> None:
    keeper = ReplayKeeper()
    kept_of(keeper, [finished(number) for number in range(1, 4)])
    before = plain(keeper.state_dict())
    with pytest.raises(CheckpointError):
        keeper.load_state_dict({**saved_state(), "scores": [1.0], "still_after": 99})
    assert plain(keeper.state_dict()) == before
