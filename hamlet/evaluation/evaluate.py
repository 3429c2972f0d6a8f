"""Play held-out episodes with a trained model or a script, and count how it went.

Letters: E episodes, N environments, D numbers of an observation, A actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import QBrain
from hamlet.envs.town import TownEnv, TownLevel, layout_for
from hamlet.envs.town.policies import Policy
from hamlet.errors import Problem, SpecError, attempt
from hamlet.evaluation.statistics import mean_interval
from hamlet.layout import ObservationLayout
from hamlet.learning.curriculum_stages import Stage
from hamlet.learning.randomness import derived_seed
from hamlet.model import HamletModel, StatefulModel
from hamlet.runspec import MAX_SEED
from hamlet.schema import Integer, Section, describe, validate

EPISODES = 1000
MOST_EPISODES = 100_000
AT_ONCE = 250  # environments side by side at most; no result depends on it
NUMBERS = Section(
    {
        "episodes": Integer(1, MOST_EPISODES),
        "seed": Integer(0, MAX_SEED),
        "limit_factor": Integer(1, 100),
    }
)


@dataclass(frozen=True)
class EpisodeResults:
    """What came of E episodes; entry i of all subjects is the same episode.

    Attributes:
        survival: [E] int64, steps. extrinsic_per_step: [E] float64, the level's own reward.
        reached_limit: [E] bool, alive at the time limit. max_steps: that limit.
    """

    survival: Tensor
    extrinsic_per_step: Tensor
    reached_limit: Tensor
    max_steps: int

    def __len__(self) -> int:
        return len(self.survival)

    @property
    def mean_survival(self) -> float:
        return float(self.survival.double().mean())

    def summary(self, *, seed: int = 0) -> dict[str, Any]:
        """Means with 95 % intervals, as plain data."""
        measured = {
            "survival": self.survival,
            "extrinsic_per_step": self.extrinsic_per_step,
            "reached_limit": self.reached_limit,
        }
        return {"episodes": len(self), "max_steps": self.max_steps} | {
            name: mean_interval(values, seed=seed).to_data() for name, values in measured.items()
        }


def evaluate(
    subject: HamletModel | Policy,
    level: TownLevel,
    *,
    episodes: int = EPISODES,
    seed: int = 0,
    limit_factor: int = 1,
    stage: Stage | None = None,
    zeroed_groups: Sequence[str] = (),
    device: str | torch.device = "cpu",
    on_progress: Callable[[int], None] | None = None,
) -> EpisodeResults:
    """Let `subject` play, always choosing what it holds best.

    Args:
        seed: of the set of episodes; each has a placement seed of its own that training never
            uses, so the same seed gives every subject the same towns, in any batch.
        limit_factor: multiplies the time limit; a good policy may reach the level's own.
        stage: of the curriculum, None for the level as it is. The reward reported is the level's
            own at every stage.
        zeroed_groups: observation groups that the model is shown as zeros, to see what they are
            worth to it. Scripts look at the town itself, so they take none.
        on_progress: called with the number of episodes finished so far.

    Raises: SpecError if the model was made for other observations, or an argument is out of range.
    """
    arguments = {"episodes": episodes, "seed": seed, "limit_factor": limit_factor}
    check_arguments(subject, level, arguments, stage, zeroed_groups)
    level = replace(level, max_steps=level.max_steps * limit_factor)
    seeds = [derived_seed(seed, f"evaluation/{number}") for number in range(episodes)]
    parts = []
    at_once = side_by_side(subject)
    for begin in range(0, episodes, at_once):
        some = seeds[begin : begin + at_once]
        env = TownEnv(level, len(some), device)
        if stage is not None:
            env.set_stage(stage.active_meters, stage.loss_multiplier, stage.sparse)
        env.reset(seed=some)
        parts.append(play(env, player(subject, env, some, zeroed_groups)))
        if on_progress:
            on_progress(begin + env.num_envs)
    joined = (torch.cat(columns).cpu() for columns in zip(*parts, strict=True))
    return EpisodeResults(*joined, max_steps=level.max_steps)


def side_by_side(subject: HamletModel | Policy) -> int:
    """Environments at once: a large network answers fewer rows in one call."""
    if isinstance(subject, HamletModel):
        return min(AT_ONCE, subject.signature().most_rows)
    return AT_ONCE


def play(env: TownEnv, act: Callable[[], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Play one episode in each environment, to the end of the longest.

    Returns: survival, extrinsic per step and reached limit, each [N].
    """
    returns = torch.zeros(env.num_envs, dtype=torch.float64, device=env.device)
    # A row that has ended stands still, earns 0 and counts no more steps.
    while not bool((env.terminated | env.truncated).all()):
        _, _, _, _, info = env.step(act())
        returns += info["dense_extrinsic"]
    return env.steps, returns / env.steps, env.truncated


def player(
    subject: HamletModel | Policy, env: TownEnv, seeds: Sequence[int], zeroed_groups: Sequence[str]
) -> Callable[[], Tensor]:
    """What chooses an action for every environment in its present state.

    Args: seeds: by which the episodes were placed, one per environment.
    """
    if isinstance(subject, Policy):
        # Its own, or a script that draws would draw the numbers by which the town was placed.
        subject.begin([derived_seed(own, "script") for own in seeds])
        return lambda: subject.act(env)
    shown = torch.ones(env.layout.size, device=env.device)
    for name in zeroed_groups:
        shown[env.layout.group(name).slice] = 0.0
    model = StatefulModel(subject)

    def act() -> Tensor:
        observations = env.obs * shown if zeroed_groups else env.obs
        return model.predict(observations, action_mask=env.action_mask)["actions"].to(env.device)

    return act


def check_arguments(
    subject: Any,
    level: Any,
    numbers: Mapping[str, Any],
    stage: Any,
    zeroed_groups: Any,
) -> None:
    """Raises: SpecError naming every fault."""
    problems: list[Problem] = []
    for path, value, kind, expected in (
        ("model", subject, HamletModel | Policy, "a HamletModel or a Policy"),
        ("level", level, TownLevel, "a TownLevel, as load_pack(...).level is one"),
        ("stage", stage, Stage | None, "a Stage, or None for the level as it is"),
        ("zeroed_groups", zeroed_groups, list | tuple, "a list of observation groups"),
    ):
        if not isinstance(value, kind):
            problems.append(Problem(path, f"found {describe(value)}; expected {expected}"))
    attempt(problems, validate, NUMBERS, numbers)
    if not problems:
        problems += fitting_problems(subject, layout_for(level), zeroed_groups)
    if problems:
        raise SpecError(problems)


def fitting_problems(
    subject: HamletModel | Policy, layout: ObservationLayout, zeroed_groups: Sequence[str]
) -> Iterator[Problem]:
    """What of a model does not fit the observations of the level."""
    if isinstance(subject, Policy):
        if zeroed_groups:
            message = "a script does not look at observations; leave them out"
            yield Problem("zeroed_groups", message)
        return
    if not isinstance(subject.network, QBrain):
        message = f"found a {subject.network.spec.type} model, which values no actions"
        yield Problem("model", message)
        return
    found = subject.network.layout
    if found.hash != layout.hash:
        differences = "; ".join(found.differences(layout))
        message = f"the model was trained on other observations ({differences})"
        yield Problem("model", f"{message}; evaluate it on its own level")
    for index, name in enumerate(zeroed_groups):
        if not layout.has(name):
            known = ", ".join(group.name for group in layout.groups)
            message = f"found {describe(name)}; expected one of {known}"
            yield Problem(f"zeroed_groups[{index}]", message)
