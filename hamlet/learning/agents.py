"""Agents for batched environments: how each kind of brain acts, remembers and learns.

Letters: N environments, D numbers of an observation, A actions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import BrainSpec
from hamlet.layout import ObservationLayout
from hamlet.learning.dqn import DQNLearner
from hamlet.learning.nstep import NStepFold
from hamlet.learning.prioritized import PrioritizedReplay
from hamlet.learning.q_learner import QLearner
from hamlet.learning.randomness import generator_for
from hamlet.learning.recurrent import RecurrentLearner
from hamlet.learning.replay import UniformReplay
from hamlet.learning.saved_state import (
    below,
    check_range,
    generator_state,
    load_generator,
    load_tensor,
)
from hamlet.learning.sequences import SequenceReplay
from hamlet.learning.symmetries import Symmetries
from hamlet.learning.transitions import Collected, Transitions, rewards_now


@dataclass(frozen=True)
class Circumstances:
    """What learning depends on besides the replay.

    Attributes:
        sparse: [N] bool, environments whose curriculum stage pays -1 at death and else nothing.
        share_done: of the run's budget, 0 to 1.
    """

    sparse: Tensor
    share_done: float


class Agent(ABC):
    """Acts in N environments and learns from what it remembers of them."""

    learner: QLearner

    @abstractmethod
    def q_values(self, observations: Tensor) -> Tensor:
        """[N, A] values of the present observations. Call it once per step."""

    @abstractmethod
    def remember(self, step: Collected) -> None:
        """Store one step; where an episode ended, the next one begins afresh."""

    @abstractmethod
    def learn(self, updates: int, circumstances: Circumstances) -> None:
        """Do that many updates. Does nothing while there is nothing to learn from."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]: ...

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def make_agent(
    spec: BrainSpec,
    layout: ObservationLayout,
    num_envs: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Agent:
    kind = RecurrentAgent if spec.is_recurrent else FeedforwardAgent
    return kind(spec, layout, num_envs, seed, device)


class FeedforwardAgent(Agent):
    """For brains without memory: single transitions, uniform or prioritised, 1 to n steps."""

    def __init__(
        self,
        spec: BrainSpec,
        layout: ObservationLayout,
        num_envs: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.learner: DQNLearner = DQNLearner(spec, layout, generator_for(seed, "weights"), device)
        rules, memory = spec.data["q_learning"], spec.data["replay"]
        self.batch_size, self.discount = memory["batch_size"], rules["gamma"]
        self.memory = memory
        if memory["prioritized"]:
            alpha = memory["priority_alpha"]
            self.replay: UniformReplay = PrioritizedReplay(
                memory["capacity"], layout, device, alpha=alpha
            )
        else:
            self.replay = UniformReplay(memory["capacity"], layout, device)
        self.fold = None
        if rules["n_step"] > 1:
            self.fold = NStepFold(
                rules["n_step"],
                self.discount,
                num_envs,
                observation_size=layout.size,
                actions=len(layout.actions),
                device=device,
            )
        self.symmetries = Symmetries(layout, device) if memory["symmetries"] else None
        self._envs = torch.arange(num_envs, device=device)
        self._one_step = torch.ones(num_envs, dtype=torch.int64, device=device)
        self._generator = generator_for(seed, "replay", device)

    def q_values(self, observations: Tensor) -> Tensor:
        return self.learner.q_values(observations)

    def remember(self, step: Collected) -> None:
        transitions = Transitions(**vars(step), steps=self._one_step, env_rows=self._envs)
        if self.fold is not None:
            transitions = self.fold.add(transitions)
        if len(transitions):
            self.replay.add(transitions)

    def learn(self, updates: int, circumstances: Circumstances) -> None:
        if not (updates and len(self.replay)):
            return
        if isinstance(self.replay, PrioritizedReplay):
            for _ in range(updates):
                self._learn_prioritized(self.replay, circumstances)
            return
        # Nothing is stored between these updates, so all their batches can be drawn at once.
        batches = self.replay.sample(updates * self.batch_size, self._generator)
        if self.symmetries:
            ways = self.symmetries.draw(updates, self._generator)
            for batch, way in zip(batches.split(self.batch_size), ways, strict=True):
                self.symmetries.turn(batch, way)
        rewards = rewards_now(batches, circumstances.sparse, self.discount)
        self.learner.update_each(batches, rewards, self.batch_size)

    def _learn_prioritized(self, replay: PrioritizedReplay, now: Circumstances) -> None:
        beta = self.memory["priority_beta"]
        if self.memory["priority_beta_annealing"]:
            beta += (1.0 - beta) * now.share_done
        rows, weights = replay.sample_rows(self.batch_size, self._generator, beta=beta)
        batch = replay.rows(rows)
        if self.symmetries:
            self.symmetries.turn(batch, *self.symmetries.draw(1, self._generator))
        rewards = rewards_now(batch, now.sparse, self.discount)
        errors = self.learner.update(batch, rewards, weights=weights)
        replay.update_priorities(rows, errors)

    def state_dict(self) -> dict[str, Any]:
        return {
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "n_step": self.fold.state_dict() if self.fold else None,
            "generator": generator_state(self._generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        with below("learner"):
            self.learner.load_state_dict(state["learner"])
        with below("replay"):
            self.replay.load_state_dict(state["replay"])
            self.replay.check_environments(len(self._envs))
        if self.fold is not None:
            with below("n_step"):
                self.fold.load_state_dict(state["n_step"])
                actions = len(self.learner.layout.actions)
                check_range(self.fold.waiting["actions"], 0, actions - 1, "waiting.actions")
        load_generator(self._generator, state["generator"], "generator")


class RecurrentAgent(Agent):
    """For brains with memory: a hidden state per environment, and learning from sequences."""

    def __init__(
        self,
        spec: BrainSpec,
        layout: ObservationLayout,
        num_envs: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.learner: RecurrentLearner = RecurrentLearner(
            spec, layout, generator_for(seed, "weights"), device
        )
        memory = spec.data["replay"]
        self.batch_size = memory["batch_size"]
        self.replay = SequenceReplay(
            memory["capacity"],
            layout,
            num_envs,
            self.learner.online.hidden_shape,
            burn_in=memory["burn_in"],
            sequence_length=memory["sequence_length"],
            device=device,
        )
        self.hidden = self.learner.online.initial_hidden(num_envs)
        self._next_hidden = self.hidden
        self._generator = generator_for(seed, "replay", device)

    @torch.no_grad()
    def q_values(self, observations: Tensor) -> Tensor:
        q_values, self._next_hidden = self.learner.online(observations, self.hidden)
        return q_values

    def remember(self, step: Collected) -> None:
        self.replay.add(step, self.hidden)
        ended = step.ended.view(1, -1, 1)
        h, c = (part.masked_fill(ended, 0.0) for part in self._next_hidden)
        self.hidden = (h, c)

    def learn(self, updates: int, circumstances: Circumstances) -> None:
        if not len(self.replay):
            return
        for _ in range(updates):
            windows = self.replay.sample(self.batch_size, self._generator)
            rewards = rewards_now(windows, circumstances.sparse, self.learner.discount)
            self.learner.update(windows, rewards)

    def state_dict(self) -> dict[str, Any]:
        return {
            "learner": self.learner.state_dict(),
            "replay": self.replay.state_dict(),
            "h": self.hidden[0].clone(),
            "c": self.hidden[1].clone(),
            "generator": generator_state(self._generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        with below("learner"):
            self.learner.load_state_dict(state["learner"])
        with below("replay"):
            self.replay.load_state_dict(state["replay"])
        for name, part in zip(("h", "c"), self.hidden, strict=True):
            load_tensor(part, state[name], name)
        load_generator(self._generator, state["generator"], "generator")
