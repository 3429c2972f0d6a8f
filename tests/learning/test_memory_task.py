"""A cue is seen at step 1 only and pays at step 8: memory is needed, and enough."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hamlet.brains import BrainSpec
from hamlet.layout import Group, ObservationLayout
from hamlet.learning.agents import Agent, Circumstances, make_agent
from hamlet.learning.epsilon import epsilon_greedy, greedy_actions
from hamlet.learning.transitions import Collected

STEPS, ENVS = 8, 16
LAYOUT = ObservationLayout(
    groups=(
        Group("position", 0, 2, (2,)),
        Group("meters", 2, 4, (2,)),  # the cue
        Group("underfoot", 4, 5, (1,)),
        Group("clock", 5, 6, (1,)),
    ),
    grid_encoding=None,
    affordances=(),
    meters=(),
    actions=("LEFT", "RIGHT"),
)
RECURRENT = {
    "architecture": {
        "type": "recurrent_spatial",
        "recurrent_spatial": {
            "vision_encoder": {"type": "none"},
            **{
                f"{name}_encoder": {"hidden_sizes": [16]}
                for name in ("position", "meter", "underfoot", "clock")
            },
            "lstm": {"hidden_size": 64},
            "q_head": {"hidden_sizes": [32]},
        },
    },
    "optimizer": {"learning_rate": 1e-3},
    "q_learning": {"gamma": 0.9, "target_update_frequency": 20},
    "replay": {"capacity": 4000, "sequence_length": 8, "burn_in": 0, "batch_size": 16},
}
FEEDFORWARD = {
    "architecture": {"type": "feedforward", "feedforward": {"hidden_layers": [32]}},
    "optimizer": {"learning_rate": 3e-3},
    "q_learning": {"gamma": 0.9, "target_update_frequency": 20},
    "replay": {"capacity": 4000},
}


def observe(cue: Tensor, step: int) -> Tensor:
    """[N, 6]: the cue at the first step, the time at every step."""
    observations = torch.zeros(len(cue), LAYOUT.size)
    if step == 0:
        observations[torch.arange(len(cue)), 2 + cue] = 1.0
    observations[:, 5] = step / STEPS
    return observations


def play(agent: Agent, generator: torch.Generator, *, epsilon: float, updates: int) -> float:
    """One episode in every environment. Returns: the share that chose the cue at the end."""
    cue = torch.randint(2, (ENVS,), generator=generator)
    masks = torch.ones(ENVS, 2, dtype=torch.bool)
    nothing = torch.zeros(ENVS)
    for step in range(STEPS):
        observations = observe(cue, step)
        q_values = agent.q_values(observations)
        if epsilon > 0:
            actions, _ = epsilon_greedy(q_values, masks, epsilon, generator)
        else:
            actions = greedy_actions(q_values, masks)
        last = step == STEPS - 1
        right = (actions == cue).float()
        agent.remember(
            Collected(
                observations=observations,
                masks=masks,
                actions=actions,
                extrinsic=2 * right - 1 if last else nothing,
                intrinsic=nothing,
                shaping=nothing,
                terminated=torch.full((ENVS,), last),
                truncated=torch.zeros(ENVS, dtype=torch.bool),
                next_observations=observe(cue, step + 1),
                next_masks=masks,
            )
        )
        dense = Circumstances(torch.zeros(ENVS, dtype=torch.bool), share_done=0.0)
        agent.learn(updates, dense)
    return float(right.mean())


def recall(brain: dict, *, rounds: int, updates: int) -> float:
    """Share of right answers after training, over 320 episodes without exploration."""
    agent = make_agent(BrainSpec.from_data(brain), LAYOUT, ENVS, seed=0)
    generator = torch.Generator().manual_seed(0)
    for round_number in range(rounds):
        play(agent, generator, epsilon=max(0.1, 1 - 1.5 * round_number / rounds), updates=updates)
    answers = [play(agent, generator, epsilon=0.0, updates=0) for _ in range(20)]
    return sum(answers) / len(answers)


def test_the_recurrent_learner_remembers_the_cue() -> None:
    assert recall(RECURRENT, rounds=120, updates=1) > 0.95


def test_the_feedforward_learner_cannot_know_it() -> None:
    found = recall(FEEDFORWARD, rounds=80, updates=1)
    # 320 coin tosses: 0.5 with a standard deviation of 0.028.
    assert found == pytest.approx(0.5, abs=0.12)
