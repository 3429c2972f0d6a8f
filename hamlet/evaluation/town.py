"""Held-out episodes of the town, in the form in which `manage.py evaluate` asks any system.

Every module that a row of hamlet.systems names as its `evaluation` has the names below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from hamlet.envs.town import TownLevel, level_from_data, list_levels, load_pack
from hamlet.envs.town.policies import POLICIES, Policy, make_policy
from hamlet.errors import Problem, SpecError
from hamlet.evaluation import gates
from hamlet.evaluation.evaluate import EpisodeResults, evaluate
from hamlet.evaluation.gates import Verdict
from hamlet.learning.curriculum_stages import STAGES
from hamlet.schema import describe

__all__ = ["COLUMNS", "COMPARED", "SCRIPTS", "evaluate"]

LONG = 4  # times the level's own time limit
SCRIPTS = tuple(POLICIES)
# What a result's summary measures, and the heading of its column; the first one is compared.
COLUMNS = {
    "survival": "survival in steps",
    "extrinsic_per_step": "extrinsic per step",
    "reached_limit": "reached the limit",
}
COMPARED = "survival"


def read_level(data: Mapping[str, Any]) -> TownLevel:
    """The level as a RunSpec's content keeps it. Raises: SpecError."""
    return level_from_data(data.get("level"), "level")


def find_level(name: Any, metadata: Mapping[str, Any] | None = None) -> TownLevel:
    """The shipped level of that name; with a checkpoint's metadata, only if it still is the same.

    Raises: SpecError.
    """
    if name not in list_levels():
        expected = f"expected one of {', '.join(list_levels())}: give --level"
        raise SpecError([Problem("level", f"found {describe(name)}; {expected}")])
    level = load_pack(name).level
    if metadata and metadata.get("level_hash") not in (None, level.hash):
        message = (
            f"{name} has changed since this was trained; give --level {name} to play it anyway"
        )
        raise SpecError([Problem("level", message)])
    return level


def make_script(name: str, seed: int) -> Policy:
    return make_policy(name, seed)


def circumstances(*, long: bool, stages: bool) -> list[tuple[str, dict[str, Any]]]:
    """What to play after the level as it is: (label, further arguments of `evaluate`).

    Args: long: also with a longer time limit. stages: also at each stage of the curriculum.
    """
    longer = [("long", {"limit_factor": LONG})] if long else []
    return longer + ([(f"stage {s.number}", {"stage": s}) for s in STAGES] if stages else [])


def compared(result: EpisodeResults) -> Tensor:
    """[E] what subjects are compared by, episode by episode."""
    return result.survival


def median_run(results: Sequence[EpisodeResults]) -> int:
    return gates.median_run(results)


def ablated_group(level: TownLevel) -> str | None:
    """The observation group whose worth the level's gates ask for."""
    found = gates.GATES.get(level.name)
    return found.ablated_group if found else None


def judge(
    level: TownLevel, trained: EpisodeResults, others: Mapping[str, EpisodeResults], *, seed: int
) -> list[Verdict]:
    """Raises: SpecError for a level that has no gates."""
    if level.name not in gates.GATES:
        message = f"found {level.name}; gates stand for {', '.join(gates.GATES)}"
        raise SpecError([Problem("level", message)])
    return gates.judge(level.name, trained, others, seed=seed)
