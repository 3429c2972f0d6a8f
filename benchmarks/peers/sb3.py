"""stable-baselines3 and sb3-contrib, set up to do the work that our learners do.

Everything that costs time is made equal: network, batch, replay size, updates per step, target
synchronisation. What cannot be made equal is said in the benchmark that uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from benchmarks.peers import missing
from hamlet.envs.town.gym import TownVectorEnv

try:
    from sb3_contrib import RecurrentPPO
    from stable_baselines3 import DQN
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
except ModuleNotFoundError as error:
    raise missing(error) from None

EPSILON = 0.05


class TownsForSB3(VecEnv):
    """TownVectorEnv in the form that stable-baselines3 expects, so that its learner is not held
    up by an environment stepped one by one."""

    def __init__(self, level: str, count: int, seed: int = 0) -> None:
        self.towns = TownVectorEnv(level, count, seed=seed)
        space, actions = self.towns.single_observation_space, self.towns.single_action_space
        super().__init__(count, space, actions)

    def reset(self) -> np.ndarray:
        return self.towns.reset()[0]

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        obs, rewards, terminated, truncated, more = self.towns.step(self._actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ended):
            infos[row] = {
                "terminal_observation": more["final_obs"][row],
                "TimeLimit.truncated": bool(truncated[row] & ~terminated[row]),
            }
        return obs, rewards.astype(np.float32), ended, infos

    def close(self) -> None:
        self.towns.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.towns, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("the towns of one batch share their attributes")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any):
        raise NotImplementedError("the towns of one batch are called together")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))


def one_by_one(make: Callable[[], gymnasium.Env], count: int) -> VecEnv:
    return DummyVecEnv([make] * count)


def make_dqn(
    env: VecEnv,
    *,
    hidden: Sequence[int],
    batch_size: int,
    capacity: int,
    learning_starts: int,
    every: int,
    most_per_step: int,
    sync_updates: int,
    learning_rate: float,
    seed: int,
    fused: bool = False,
) -> DQN:
    """DQN with our schedule of updates.

    Args:
        hidden: widths of the network's layers. capacity: transitions over all environments.
        every, most_per_step: one update per so many transitions, at most so many per vector step.
        sync_updates: updates between two copies into the target network.
        fused: let Adam use one kernel per step, as our learner does.
    """
    count = env.num_envs
    updates = min(max(count // every, 1), most_per_step)
    vector_steps = max(every // count, 1)
    model = DQN(
        "MlpPolicy",
        env,
        learning_rate=learning_rate,
        buffer_size=capacity,
        learning_starts=learning_starts,
        batch_size=batch_size,
        train_freq=(vector_steps, "step"),
        gradient_steps=updates,
        target_update_interval=sync_updates * vector_steps * count // updates,
        exploration_initial_eps=EPSILON,
        exploration_final_eps=EPSILON,
        max_grad_norm=10,
        policy_kwargs={
            "net_arch": list(hidden),
            "optimizer_kwargs": {"fused": True} if fused else {},
        },
        seed=seed,
        device="cpu",
    )
    return without_log(model)


def make_recurrent(env: VecEnv, *, hidden_size: int, rollout: int, seed: int) -> RecurrentPPO:
    """RecurrentPPO as its authors ship it; with `rollout` 128 in every number.

    Args:
        rollout: steps of each environment between two rounds of learning.
    """
    model = RecurrentPPO(
        "MlpLstmPolicy",
        env,
        n_steps=rollout,
        batch_size=rollout,
        policy_kwargs={"lstm_hidden_size": hidden_size},
        seed=seed,
        device="cpu",
    )
    return without_log(model)


def without_log(model: DQN | RecurrentPPO) -> Any:
    """Otherwise each call of `learn` makes a new log folder, which would count against it."""
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def learns(model: DQN | RecurrentPPO, env_steps: int) -> Callable[[], int]:
    """One call goes on learning for about `env_steps`; returns how many it really were."""

    def learn() -> int:
        before = model.num_timesteps
        model.learn(env_steps, log_interval=None, reset_num_timesteps=False)
        return model.num_timesteps - before

    return learn


def updates(model: DQN, count: int, batch_size: int) -> Callable[[], int]:
    """One call does `count` updates from the replay as it is."""
    return partial(counted, partial(model.train, count, batch_size), count)


def counted(work: Callable[[], Any], units: int) -> int:
    work()
    return units


def parameters(model: DQN | RecurrentPPO) -> int:
    """Weights that learn."""
    trained = model.q_net if isinstance(model, DQN) else model.policy
    return sum(weight.numel() for weight in trained.parameters() if weight.requires_grad)
