"""The curriculum at work in a batch of towns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from hamlet.envs.town import TownEnv
from hamlet.errors import CheckpointError
from hamlet.learning.curriculum import Curriculum, FinishedEpisode
from hamlet.learning.curriculum_stages import stage
from hamlet.learning.town_settings import curriculum_settings
from hamlet.learning.trainer import StageChanged

NO_CURRICULUM = 0  # the stage that is reported where the curriculum is off


class TownCurriculum:
    """Keeps every town of `env` at its stage. Does nothing where the curriculum is off."""

    def __init__(self, training: Mapping[str, Any], env: TownEnv) -> None:
        self.env = env
        self._curriculum: Curriculum | None = None
        if training["curriculum"]["enabled"]:
            settings = curriculum_settings(training)
            self._curriculum = Curriculum(settings, env.level.max_steps, env.num_envs)
            self._apply(range(env.num_envs), self._curriculum.stage_of(0))

    def stage_of(self, row: int) -> int:
        return self._curriculum.stage_of(row) if self._curriculum else NO_CURRICULUM

    def stage_played(self, row: int) -> int:
        """The stage at which the row's present episode began; it is judged and shown by that."""
        return self._curriculum.stage_played(row) if self._curriculum else NO_CURRICULUM

    def steps_taken(self) -> None:
        """Every town took one step."""
        if self._curriculum:
            self._curriculum.steps_taken()

    def episode_finished(
        self, row: int, episode: FinishedEpisode, number: int
    ) -> StageChanged | None:
        """Take an episode into account before its town is reset, and change the stage if due.

        Args: number: of the episode within the run.
        """
        change = self._curriculum.episode_finished(row, episode) if self._curriculum else None
        if change is None:
            return None
        self._apply(self._curriculum.rows_of(row), change.new)
        return StageChanged(number, change.old, change.new, change.statistics)

    def episodes_begin(self, rows: Iterable[int]) -> None:
        """These towns were reset."""
        if self._curriculum:
            self._curriculum.episodes_begin(rows)

    def statistics(self, row: int) -> dict[str, float]:
        """What decides about the stage of a town, by names for the charts."""
        if not self._curriculum:
            return {}
        found = self._curriculum.statistics(row)
        return {f"curriculum_{name}": value for name, value in found.items()}

    def _apply(self, rows: Iterable[int], number: int) -> None:
        wanted = stage(number)
        chosen = torch.zeros(self.env.num_envs, dtype=torch.bool, device=self.env.device)
        chosen[list(rows)] = True
        self.env.set_stage(wanted.active_meters, wanted.loss_multiplier, wanted.sparse, rows=chosen)

    def state_dict(self) -> dict[str, Any]:
        return self._curriculum.state_dict() if self._curriculum else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if it was saved with other settings or environments."""
        # What a stage did to the towns is part of their own state.
        if self._curriculum:
            self._curriculum.load_state_dict(state)
        elif state != {}:
            raise CheckpointError("stages: found some; this run has no curriculum")
