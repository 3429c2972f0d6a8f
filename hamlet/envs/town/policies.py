"""Scripts that play the town without learning: what a trained agent is measured against.

Shapes: N environments, 8 actions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.heuristic import Planner
from hamlet.envs.town.placement import MAX_SEED
from hamlet.envs.town.tables import REST, WAIT
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, hint

AHEAD = 64  # steps for which random numbers are drawn at once


class Policy(ABC):
    """Chooses an action for every row of an environment, all rows at once."""

    def reset(self, mask: Tensor | None = None) -> None:  # noqa: B027 - most remember nothing
        """Forget the episodes of the rows in `mask` [N] bool (all by default)."""

    def begin(self, seeds: Sequence[int]) -> None:
        """All rows begin an episode, and each has a seed of its own: whoever draws, draws for a
        row from that alone, so that an episode goes the same way in any batch."""
        self.reset()

    @abstractmethod
    def act(self, env: TownEnv) -> Tensor:
        """[N] int64, a legal action for each row in its present state."""

    def entropy(self, env: TownEnv) -> Tensor:
        """[N] entropy of the choice over the legal actions, from 0 (certain) to 1 (even)."""
        return torch.zeros(env.num_envs, device=env.device)


class RandomLegal(Policy):
    """Any legal action, each as likely as the others.

    Before `begin` all rows draw from one generator, after it each from one of its own, which
    stands on the CPU and is asked for many steps at once.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.generator: torch.Generator | None = None
        self.own: list[torch.Generator] = []  # one for each row
        self.ahead: list[Tensor] = []  # scores [N, 8] of the next steps, last one first

    def begin(self, seeds: Sequence[int]) -> None:
        mixed = ((seed + self.seed) % (MAX_SEED + 1) for seed in seeds)
        self.own = [torch.Generator().manual_seed(seed) for seed in mixed]
        self.ahead = []

    def act(self, env: TownEnv) -> Tensor:
        scores = self.scores(env).to(env.device)
        return scores.masked_fill(~env.action_mask, -1.0).argmax(dim=1)

    def scores(self, env: TownEnv) -> Tensor:
        """[N, 8] uniform in [0, 1)."""
        shape = env.action_mask.shape
        if not self.own:
            if self.generator is None:
                self.generator = torch.Generator(device=env.device).manual_seed(self.seed)
            return torch.rand(shape, generator=self.generator, device=env.device)
        if not self.ahead:
            rows = [torch.rand(AHEAD, shape[1], generator=own) for own in self.own]
            self.ahead = list(torch.stack(rows, dim=1))[::-1]
        return self.ahead.pop()

    def entropy(self, env: TownEnv) -> Tensor:
        """1, but 0 where there is nothing to choose."""
        return (env.action_mask.sum(dim=1) > 1).float()


class Idle(Policy):
    """Always WAIT."""

    def act(self, env: TownEnv) -> Tensor:
        return torch.full((env.num_envs,), WAIT, device=env.device)


class RestOnly(Policy):
    """REST where it is legal, else WAIT."""

    def act(self, env: TownEnv) -> Tensor:
        return torch.where(env.action_mask[:, REST], REST, WAIT)


class Heuristic(Policy):
    """Looks after the need that is worst, by rules that a careful person would follow.

    See `hamlet.envs.town.heuristic` for the rules. In a windowed view it knows only what it has
    seen in the episode.
    """

    def __init__(self) -> None:
        self.planner: Planner | None = None

    def reset(self, mask: Tensor | None = None) -> None:
        if self.planner is not None:
            self.planner.forget(mask)

    def act(self, env: TownEnv) -> Tensor:
        if self.planner is None or not self.planner.fits(env):
            self.planner = Planner(env)
        return self.planner.act(env)


POLICIES = {
    "random_legal": RandomLegal,
    "idle": Idle,
    "rest_only": RestOnly,
    "heuristic": Heuristic,
}
TRIVIAL = ("random_legal", "idle", "rest_only")


def make_policy(name: str, seed: int = 0) -> Policy:
    """A baseline by name; the seed matters to random_legal only. Raises: SpecError."""
    if name not in POLICIES:
        expected = f"expected one of {', '.join(POLICIES)}{hint(name, POLICIES)}"
        raise SpecError([Problem("policy", f"found {describe(name)}; {expected}")])
    return RandomLegal(seed) if name == "random_legal" else POLICIES[name]()
