"""From the training settings of a run to what the parts of its trainer are built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.learning.annealing import AnnealingSettings
from hamlet.learning.curriculum import CurriculumSettings


def annealing_settings(training: Mapping[str, Any]) -> AnnealingSettings:
    return AnnealingSettings(**training["intrinsic"]["annealing"])


def curriculum_settings(training: Mapping[str, Any]) -> CurriculumSettings:
    fields = {name: value for name, value in training["curriculum"].items() if name != "enabled"}
    return CurriculumSettings(**fields)
