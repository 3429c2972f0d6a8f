"""Which recordings are kept, one criterion at a time."""

from __future__ import annotations

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
    assert again.state_dict() == keeper.state_dict()
