"""Make the town harder when the agent copes, and milder when it does not.

Letters: N environments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from hamlet.learning.curriculum_stages import FIRST, LAST
from hamlet.learning.saved_state import below, load_list, load_number, load_whole

WINDOW = 20  # finished episodes at this stage
LEAST_PROGRESS = -0.05  # to advance
WORST_PROGRESS = -0.25  # below it the agent has unlearned too much and goes back
SMALLEST_REWARD = 1e-8  # progress relative to nothing would be anything
# What a saved state may hold at most.
MOST_STEPS, LARGEST_RETURN, ROUNDING = 10**15, 1e12, 1e-4


@dataclass(frozen=True)
class CurriculumSettings:
    """When the stage changes; survival and entropy are shares of their maximum."""

    scope: str  # "shared" or "per_env"
    advance_survival: float
    retreat_survival: float
    entropy_below: float
    dwell_steps: int


class FinishedEpisode(NamedTuple):
    """What the curriculum looks at. Taken before the environment is reset.

    Attributes:
        steps: survived. dense_return: sum of the level's own reward, whatever the stage pays.
        entropy: mean over the steps of `behaviour_entropy`.
    """

    steps: int
    dense_return: float
    entropy: float


class Change(NamedTuple):
    """From one stage to another, and the statistics that caused it."""

    old: int
    new: int
    statistics: dict[str, float]


class StageTracker:
    """The stage of one environment, or of all where they share one.

    An episode counts for the stage at which it both began and ended; one that saw a change of
    stage tells about neither. Nothing is decided before the window of 20 episodes is full.
    """

    def __init__(self, settings: CurriculumSettings, max_steps: int, stage: int = FIRST) -> None:
        self.settings, self.max_steps = settings, max_steps
        self.stage = stage
        self.entered_at = 0  # on the clock that counts the steps taken under this tracker
        self._episodes: deque[FinishedEpisode] = deque(maxlen=2 * WINDOW)

    def statistics(self, clock: int) -> dict[str, float]:
        """What decides, for watchers too. Progress is 0 until two windows are full."""
        recent = list(self._episodes)[-WINDOW:]
        before = list(self._episodes)[:-WINDOW]
        counts = {"dwell_steps": float(clock - self.entered_at), "episodes": float(len(recent))}
        if not recent:
            return {"survival": 0.0, "progress": 0.0, "entropy": 1.0, **counts}
        progress = 0.0
        if len(before) == WINDOW:
            earlier = mean_reward(before)
            change = mean_reward(recent) - earlier
            progress = change / max(abs(earlier), SMALLEST_REWARD)
        return {
            "survival": fmean(episode.steps for episode in recent) / self.max_steps,
            "progress": progress,
            "entropy": fmean(episode.entropy for episode in recent),
            **counts,
        }

    def episode_finished(self, episode: FinishedEpisode, clock: int) -> Change | None:
        """Take an episode into account. Returns: the change of stage that follows, if any."""
        self._episodes.append(episode)
        dwell = clock - self.entered_at
        if len(self._episodes) < WINDOW or dwell < self.settings.dwell_steps:
            return None
        found = self.statistics(clock)
        new = self._judge(found)
        if new == self.stage:
            return None
        change = Change(self.stage, new, found)
        # The new stage begins with statistics of its own.
        self.stage, self.entered_at = new, clock
        self._episodes.clear()
        return change

    def _judge(self, found: Mapping[str, float]) -> int:
        settings = self.settings
        # Retreat first: an agent that cannot cope is not made to cope with more.
        failing = found["survival"] < settings.retreat_survival
        if failing or found["progress"] < WORST_PROGRESS:
            return max(FIRST, self.stage - 1)
        ready = (
            found["survival"] > settings.advance_survival
            and found["progress"] > LEAST_PROGRESS
            and found["entropy"] < settings.entropy_below
        )
        return min(LAST, self.stage + 1) if ready else self.stage

    def state_dict(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "entered_at": self.entered_at,
            "episodes": [list(episode) for episode in self._episodes],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError on what no run of these settings can have saved."""
        self.stage = load_whole(state["stage"], FIRST, LAST, "stage")
        self.entered_at = load_whole(state["entered_at"], 0, MOST_STEPS, "entered_at")
        self._episodes.clear()
        for index, saved in enumerate(load_list(state["episodes"], 0, 2 * WINDOW, "episodes")):
            name = f"episodes[{index}]"
            steps, dense_return, entropy = load_list(saved, 3, 3, name)
            self._episodes.append(
                FinishedEpisode(
                    load_whole(steps, 1, self.max_steps, f"{name}.steps"),
                    load_number(dense_return, -LARGEST_RETURN, LARGEST_RETURN, f"{name}.return"),
                    load_number(entropy, -ROUNDING, 1.0 + ROUNDING, f"{name}.entropy"),
                )
            )


def mean_reward(episodes: list[FinishedEpisode]) -> float:
    """The level's own reward per step, over all steps of the episodes."""
    return sum(e.dense_return for e in episodes) / sum(e.steps for e in episodes)


class Curriculum:
    """One tracker for all environments (`shared`) or one for each (`per_env`)."""

    def __init__(
        self,
        settings: CurriculumSettings,
        max_steps: int,
        num_envs: int,
        *,
        first_stage: int = FIRST,
    ) -> None:
        self.shared = settings.scope == "shared"
        self.trackers = [
            StageTracker(settings, max_steps, first_stage)
            for _ in range(1 if self.shared else num_envs)
        ]
        self._began_at = [first_stage] * num_envs
        self._saw_change = [False] * num_envs
        self._vector_steps = 0

    def tracker(self, env: int) -> StageTracker:
        return self.trackers[0 if self.shared else env]

    def stage_of(self, env: int) -> int:
        """The present stage; an episode in progress may have begun at another."""
        return self.tracker(env).stage

    def stage_played(self, env: int) -> int:
        """The stage at which the present episode began."""
        return self._began_at[env]

    def rows_of(self, env: int) -> list[int]:
        """The environments whose stage moves with that of `env`."""
        return list(range(len(self._began_at))) if self.shared else [env]

    def steps_taken(self) -> None:
        """Every environment took one step."""
        self._vector_steps += 1

    @property
    def clock(self) -> int:
        """Steps taken under each tracker."""
        return self._vector_steps * (len(self._began_at) if self.shared else 1)

    def statistics(self, env: int) -> dict[str, float]:
        return self.tracker(env).statistics(self.clock)

    def episode_finished(self, env: int, episode: FinishedEpisode) -> Change | None:
        """Take a finished episode into account. Returns: the change of stage, if any."""
        tracker = self.tracker(env)
        if self._saw_change[env]:
            return None
        change = tracker.episode_finished(episode, self.clock)
        if change:
            for row in self.rows_of(env):
                self._saw_change[row] = True
        return change

    def episodes_begin(self, envs: Iterable[int]) -> None:
        """New episodes start in these environments, at their present stage."""
        for env in envs:
            self._began_at[env] = self.stage_of(env)
            self._saw_change[env] = False

    def state_dict(self) -> dict[str, Any]:
        return {
            "trackers": [tracker.state_dict() for tracker in self.trackers],
            "began_at": list(self._began_at),
            "saw_change": list(self._saw_change),
            "vector_steps": self._vector_steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if it was saved with other settings or environments."""
        count, envs = len(self.trackers), len(self._began_at)
        trackers = load_list(state["trackers"], count, count, "trackers")
        for index, saved in enumerate(trackers):
            with below(f"trackers[{index}]"):
                self.trackers[index].load_state_dict(saved)
        began_at = load_list(state["began_at"], envs, envs, "began_at")
        self._began_at = [load_whole(at, FIRST, LAST, "began_at") for at in began_at]
        saw_change = load_list(state["saw_change"], envs, envs, "saw_change")
        self._saw_change = [bool(saw) for saw in saw_change]
        self._vector_steps = load_whole(state["vector_steps"], 0, MOST_STEPS, "vector_steps")
