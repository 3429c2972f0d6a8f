"""What the agent did and what came of it: the rows that replays hold and learners read.

Letters: B transitions, N environments, D numbers of an observation, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Collected:
    """One step of N environments, for the agent to remember.

    Attributes:
        observations: [N, D] when the action was chosen. actions: [N] int64.
        masks: [N, A] bool, actions that were legal then.
        extrinsic, intrinsic, shaping: [N] the level's dense reward, the curiosity reward with the
            weight in force at that step, and the sum of the shaping terms.
        terminated, truncated: [N] bool, how the step ended the episode, if it did.
        next_observations: [N, D] after the step, also where the episode ended.
        next_masks: [N, A] bool, actions legal in it had the episode gone on.
    """

    observations: Tensor
    masks: Tensor
    actions: Tensor
    extrinsic: Tensor
    intrinsic: Tensor
    shaping: Tensor
    terminated: Tensor
    truncated: Tensor
    next_observations: Tensor
    next_masks: Tensor

    @property
    def ended(self) -> Tensor:
        return self.terminated | self.truncated


@dataclass(frozen=True)
class Transitions(Collected):
    """B transitions. With n-step learning one row covers up to n steps of one episode: its rewards
    are discounted sums, and what is next comes after the last of them.

    Attributes: as in `Collected`, B rows in place of N, and
        steps: [B] int64, how many steps the row covers (1 without n-step).
        env_rows: [B] int64, which environment it came from.
    """

    steps: Tensor
    env_rows: Tensor

    def __len__(self) -> int:
        return len(self.actions)

    def split(self, size: int) -> list[Transitions]:
        """Parts of `size` rows each, as views."""
        columns = [getattr(self, field.name).split(size) for field in fields(self)]
        return [Transitions(*parts) for parts in zip(*columns, strict=True)]


def total_reward(extrinsic: Tensor, intrinsic: Tensor, shaping: Tensor) -> Tensor:
    """What the learner maximises. The order is fixed: float32 sums depend on it, and the logged
    streams must add up to this number bit for bit."""
    return extrinsic + intrinsic + shaping


class Rewarded(Protocol):
    """What `rewards_now` needs of a batch: transitions, or windows of steps."""

    extrinsic: Tensor
    intrinsic: Tensor
    shaping: Tensor
    terminated: Tensor
    env_rows: Tensor

    @property
    def steps(self) -> Tensor | int: ...


def rewards_now(batch: Rewarded, sparse: Tensor, discount: float) -> Tensor:
    """What to learn from, under the curriculum stage that each environment is in now.

    Args: batch: its streams are [..., B], the environments [B]. sparse: [N] bool, environments
        whose stage pays -1 at death and else nothing.

    Returns: [..., B].
    """
    extrinsic = batch.extrinsic
    if bool(sparse.any()):
        at_death = sparse_reward(batch.terminated, batch.steps, discount)
        extrinsic = torch.where(sparse[batch.env_rows], at_death, extrinsic)
    return total_reward(extrinsic, batch.intrinsic, batch.shaping)


def sparse_reward(terminated: Tensor, steps: Tensor | int, discount: float) -> Tensor:
    """-1 at death, else 0: the extrinsic reward of the last curriculum stage.

    It needs nothing but `terminated`, so a change of stage leaves the replay usable. A row of k
    steps that ends in death has its -1 at step k, so it is discounted k - 1 times.
    """
    return torch.where(terminated, -(discount ** (steps - 1)), 0.0)
