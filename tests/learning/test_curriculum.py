"""When the town becomes harder or milder."""

from __future__ import annotations

import pytest

from hamlet.envs.town.tables import METER_NAMES
from hamlet.learning.curriculum import (
    WINDOW,
    Change,
    Curriculum,
    CurriculumSettings,
    FinishedEpisode,
    StageTracker,
)
from hamlet.learning.curriculum_stages import STAGES, stage

SETTINGS = CurriculumSettings("shared", 0.7, 0.3, 0.5, dwell_steps=1000)
GOOD = FinishedEpisode(steps=90, dense_return=45.0, entropy=0.1)
BAD = FinishedEpisode(steps=20, dense_return=10.0, entropy=0.1)
FAIR = FinishedEpisode(steps=50, dense_return=25.0, entropy=0.1)


def tracker(at: int = 3) -> StageTracker:
    return StageTracker(SETTINGS, max_steps=100, stage=at)


def live(
    judged: StageTracker, episode: FinishedEpisode, count: int, *, clock: int = 5000
) -> list[Change]:
    found = (judged.episode_finished(episode, clock) for _ in range(count))
    return [change for change in found if change]


def test_the_table_of_stages() -> None:
    rows = [(s.number, len(s.active_meters), s.loss_multiplier, s.sparse) for s in STAGES]
    assert rows == [
        (1, 2, 0.2, False),
        (2, 3, 0.5, False),
        (3, 4, 0.8, False),
        (4, 8, 1.0, False),
        (5, 8, 1.0, True),
    ]
    assert stage(1).active_meters == ("energy", "hygiene")
    assert stage(3).active_meters == ("energy", "hygiene", "satiation", "money")
    assert stage(5).active_meters == METER_NAMES


def test_coping_advances_once_the_window_is_full() -> None:
    judged = tracker()
    assert live(judged, GOOD, WINDOW - 1) == []
    (change,) = live(judged, GOOD, 1)
    assert (change.old, change.new, judged.stage) == (3, 4, 4)
    assert change.statistics == {
        "survival": pytest.approx(0.9),
        "progress": 0.0,
        "entropy": pytest.approx(0.1),
        "dwell_steps": 5000.0,
        "episodes": 20.0,
    }


def test_failing_retreats() -> None:
    judged = tracker()
    (change,) = live(judged, BAD, WINDOW)
    assert (change.old, change.new) == (3, 2)


def test_nothing_changes_before_the_dwell_time_is_over() -> None:
    for episode in (GOOD, BAD):
        judged = tracker()
        assert live(judged, episode, 3 * WINDOW, clock=999) == []
        assert len(live(judged, episode, 1, clock=1000)) == 1


def test_in_between_it_stays() -> None:
    judged = tracker()
    assert live(judged, FAIR, 5 * WINDOW) == []


def test_mixed_behaviour_does_not_advance() -> None:
    judged = tracker()
    assert live(judged, GOOD._replace(entropy=0.5), 5 * WINDOW) == []


def test_unlearning_does_not_advance_and_much_of_it_retreats() -> None:
    def after_a_fall_to(share: float) -> int:
        judged = tracker()
        undecided = GOOD._replace(entropy=0.9)
        live(judged, undecided, WINDOW)
        live(judged, undecided._replace(dense_return=45.0 * share), WINDOW - 1)
        live(judged, GOOD._replace(dense_return=45.0 * share, entropy=-18.0), 1)
        return judged.stage

    assert after_a_fall_to(1.0) == 4
    assert after_a_fall_to(0.9) == 3  # -0.1: below -0.05, above -0.25
    assert after_a_fall_to(0.7) == 2  # -0.3, though it survives


@pytest.mark.parametrize(("steps", "stage"), [(71, 4), (70, 3), (30, 3), (29, 2)])
def test_survival_at_its_thresholds(steps: int, stage: int) -> None:
    judged = tracker()
    live(judged, FinishedEpisode(steps, dense_return=float(steps), entropy=0.1), WINDOW)
    assert judged.stage == stage


@pytest.mark.parametrize(("entropy", "stage"), [(0.49, 4), (0.5, 3)])
def test_entropy_at_its_threshold(entropy: float, stage: int) -> None:
    judged = tracker()
    live(judged, GOOD._replace(entropy=entropy), WINDOW)
    assert judged.stage == stage


@pytest.mark.parametrize(
    ("reward", "stage"),
    [
        (19.02, 4),  # progress (19.02 - 20) / 20 = -0.049
        (19.0, 3),  # exactly -0.05
        (15.0, 3),  # exactly -0.25
        (14.98, 2),
    ],
)
def test_progress_at_its_thresholds(reward: float, stage: int) -> None:
    judged = tracker()
    undecided = FinishedEpisode(steps=100, dense_return=2000.0, entropy=0.9)
    live(judged, undecided, WINDOW)
    worse = undecided._replace(dense_return=100 * reward)
    live(judged, worse, WINDOW - 1)
    # Made up its mind at once, so that nothing but progress decides.
    live(judged, worse._replace(entropy=-17.0), 1)
    assert judged.stage == stage


def test_nineteen_episodes_decide_nothing() -> None:
    judged = tracker()
    assert live(judged, GOOD, WINDOW - 1) == []
    assert len(live(judged, GOOD, 1)) == 1


def test_progress_counts_as_zero_until_two_windows_are_full() -> None:
    judged = tracker()
    live(judged, FAIR, WINDOW)
    live(judged, FAIR._replace(dense_return=30.0), WINDOW - 1)
    assert judged.statistics(5000)["progress"] == 0.0
    live(judged, FAIR._replace(dense_return=30.0), 1)
    assert judged.statistics(5000)["progress"] == pytest.approx(0.2)


def test_the_new_stage_begins_with_statistics_of_its_own() -> None:
    judged = tracker()
    live(judged, GOOD, WINDOW)
    assert judged.statistics(5000)["episodes"] == 0.0
    assert judged.statistics(5300)["dwell_steps"] == 300.0
    assert live(judged, GOOD, 2 * WINDOW, clock=5999) == []


def test_the_ends_of_the_ladder_are_not_left() -> None:
    assert live(tracker(at=5), GOOD, 3 * WINDOW) == []
    assert live(tracker(at=1), BAD, 3 * WINDOW) == []


def curriculum(scope: str, envs: int = 2) -> Curriculum:
    settings = CurriculumSettings(scope, 0.7, 0.3, 0.5, dwell_steps=10)
    made = Curriculum(settings, max_steps=100, num_envs=envs, first_stage=2)
    for _ in range(100):
        made.steps_taken()
    return made


def test_environments_share_a_stage_or_have_their_own() -> None:
    shared, own = curriculum("shared"), curriculum("per_env")
    for made in (shared, own):
        for _ in range(WINDOW):
            made.episode_finished(1, GOOD)
    assert [shared.stage_of(env) for env in (0, 1)] == [3, 3]
    assert [own.stage_of(env) for env in (0, 1)] == [2, 3]
    assert list(shared.rows_of(1)) == [0, 1]
    assert list(own.rows_of(1)) == [1]


def test_shared_dwell_counts_the_steps_of_all_environments() -> None:
    assert curriculum("shared").clock == 200
    assert curriculum("per_env").clock == 100


def test_an_episode_that_saw_a_change_of_stage_counts_for_none() -> None:
    made = curriculum("shared")
    for _ in range(WINDOW):
        made.episode_finished(0, GOOD)
    made.episodes_begin([0])
    # Environment 1 was in the middle of an episode when environment 0 brought stage 3 about.
    made.episode_finished(1, GOOD)
    assert made.statistics(0)["episodes"] == 0.0
    made.episode_finished(0, GOOD)
    assert made.statistics(0)["episodes"] == 1.0
    made.episodes_begin([1])
    made.episode_finished(1, GOOD)
    assert made.statistics(0)["episodes"] == 2.0


def test_a_saved_curriculum_goes_on() -> None:
    made, again = curriculum("per_env"), curriculum("per_env")
    for _ in range(WINDOW - 1):
        made.episode_finished(0, GOOD)
    again.load_state_dict(made.state_dict())
    for one in (made, again):
        assert one.episode_finished(0, GOOD).new == 3
    assert again.state_dict() == made.state_dict()
