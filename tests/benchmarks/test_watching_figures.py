"""How the streaming benchmark makes figures of what watchers and runs noted."""

import pytest

pytest.importorskip("websockets", reason="the peers are installed with requirements-bench.txt")

from benchmarks.streaming.__main__ import NOBODY, goals, more_percent
from benchmarks.streaming.phases import Turn, speed, within
from benchmarks.streaming.watchers import Watching


def episode(second, env_steps):
    return {
        "ended_at": f"2026-01-01T00:00:{second:06.3f}+00:00",
        "summary": {"env_steps": env_steps},
    }


MIDNIGHT = 1767225600.0  # 2026-01-01 in UTC


def turn(began, ended):
    return Turn(NOBODY, MIDNIGHT + began, MIDNIGHT + ended, cores={})


def test_speed_is_steps_between_the_first_and_last_episode_of_the_turn():
    episodes = [episode(0.5, 100), episode(1.0, 1000), episode(3.0, 4000), episode(9.0, 9000)]
    assert speed(turn(0.9, 5.0), episodes) == 1500.0


def test_a_turn_with_one_episode_is_too_short_to_measure():
    with pytest.raises(SystemExit, match="longer turns"):
        speed(turn(0.9, 2.0), [episode(1.0, 1000), episode(3.0, 4000)])


def test_only_episodes_that_ended_within_the_turn_count():
    # Received at 12 s after 5 s: it ended at 7 s. Received at 12 s after 1 s: at 11 s.
    assert within([(12.0, 5.0), (12.0, 1.0)], 10.0, 13.0) == [1.0]


def test_slower_by_is_relative_to_nobody_in_the_same_round():
    speeds = {1.0: -900.0, 2.0: -1000.0, 3.0: -495.0, 4.0: -500.0}
    mine, alone = [turn(1.0, 9.0), turn(3.0, 9.0)], [turn(2.0, 9.0), turn(4.0, 9.0)]
    lost = more_percent(mine, alone, lambda one: speeds[one.began - MIDNIGHT])
    assert lost.values == (10.0, 1.0)


def test_a_client_times_live_episodes_and_leaves_replays_out():
    seen = Watching()
    start = {"type": "episode_start", "episode_id": 4, "ended_at": 0.0}
    seen.saw({**start, "mode": "live_training", "seq": 1}, 1)
    seen.saw({"type": "state_update", "episode_id": 4, "seq": 2}, 2)
    seen.saw({"type": "episode_end", "episode_id": 4, "seq": 4}, 3)
    seen.saw({**start, "episode_id": 5, "mode": "replay", "seq": 5}, 5)
    seen.saw({"type": "episode_end", "episode_id": 5, "seq": 6}, 6)
    assert (len(seen.begun), len(seen.complete)) == (1, 1)
    assert (seen.messages, seen.gaps) == (5, 1)


def test_no_frame_in_the_browser_is_never_a_pass():
    assert goals([]).startswith("NOT met")
    assert goals([0.1, 0.2]) == "goal <= 250: met; goal <= 1,000: met"
    assert goals([0.1, 1.2]) == "goal <= 250: NOT met; goal <= 1,000: NOT met"
