"""OpenSpiel's searches on Connect Four: in C++ and Python, with playouts and with a network.

Its Python AlphaZero calls the network once per simulation without compiling the call;
`CompiledModel` does the same mathematics in one jitted call, which is what its users can have with
ten lines.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pyspiel
from open_spiel.python.algorithms import mcts

UCT = 2.0
GAME = "connect_four"


def cpp_rollouts(simulations: int, seed: int) -> Callable[[], int]:
    """One search of the empty board by the C++ MCTS with random playouts."""
    game = pyspiel.load_game(GAME)
    evaluator = pyspiel.RandomRolloutEvaluator(1, seed)
    bot = pyspiel.MCTSBot(game, evaluator, UCT, simulations, 1_000, False, seed, False)
    state = game.new_initial_state()
    return searches(bot, state, simulations)


def python_rollouts(simulations: int, seed: int) -> Callable[[], int]:
    game = pyspiel.load_game(GAME)
    generator = np.random.RandomState(seed)
    evaluator = mcts.RandomRolloutEvaluator(1, generator)
    bot = mcts.MCTSBot(game, UCT, simulations, evaluator, solve=False, random_state=generator)
    return searches(bot, game.new_initial_state(), simulations)


def searches(bot: Any, state: Any, simulations: int) -> Callable[[], int]:
    def work() -> int:
        bot.mcts_search(state)
        return simulations

    return work


class CompiledModel:
    """The inference of OpenSpiel's model as one compiled call."""

    def __init__(self, model: Any) -> None:
        import jax
        import jax.numpy as jnp
        from flax import nnx

        state = model._state

        @jax.jit
        def answer(observation: Any, legal: Any) -> tuple[Any, Any]:
            network = nnx.merge(state.graphdef, state.params, state.batch_stats)
            network.eval()
            logits, value = network(observation)
            lowest = jnp.full_like(logits, jnp.finfo(jnp.float32).min)
            return value, nnx.softmax(jnp.where(legal, logits, lowest))

        self._answer = answer

    def inference(self, observation: np.ndarray, legal: np.ndarray) -> tuple[Any, np.ndarray]:
        value, policy = self._answer(observation.astype(np.float32), legal.astype(np.bool_))
        return np.asarray(value), np.asarray(policy)


def alpha_zero_moves(
    *, channels: int, blocks: int, simulations: int, compiled: bool, seed: int
) -> tuple[Callable[[], int], dict[str, int]]:
    """One move of a self-play game by OpenSpiel's Python AlphaZero.

    Returns: (a function that plays a move and says how many simulations that were, a dict that
        counts `games`, and holds the number of weights).
    """
    # One thread, as everybody in these benchmarks; a batch of one gains nothing from more.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from open_spiel.python.algorithms.alpha_zero import evaluator, model_nnx

        game = pyspiel.load_game(GAME)
        model = model_nnx.Model.build_model(
            "resnet", game.observation_tensor_shape(), game.num_distinct_actions(),
            nn_width=channels, nn_depth=blocks, weight_decay=1e-4, learning_rate=1e-3, path=None,
            seed=seed,
        )  # fmt: skip
    answers = evaluator.AlphaZeroEvaluator(game, CompiledModel(model) if compiled else model)
    bot = mcts.MCTSBot(
        game, UCT, simulations, answers, solve=False, dirichlet_noise=(0.25, 1.0),
        random_state=np.random.RandomState(seed), child_selection_fn=mcts.SearchNode.puct_value,
        dont_return_chance_node=True,
    )  # fmt: skip
    counts = {"games": 0, "weights": int(model.num_trainable_variables)}
    table = {"state": game.new_initial_state()}
    generator = random.Random(seed)

    def work() -> int:
        state = table["state"]
        root = bot.mcts_search(state)
        visits = [(child.explore_count, child.action) for child in root.children]
        state.apply_action(generator.choices([a for _, a in visits], [n for n, _ in visits])[0])
        if state.is_terminal():
            counts["games"] += 1
            table["state"] = game.new_initial_state()
        return simulations

    return work, counts


def random_games(seed: int) -> Callable[[], int]:
    """A game of random moves through Python's view of the C++ states. Returns: moves."""
    game = pyspiel.load_game(GAME)
    generator = random.Random(seed)

    def work() -> int:
        state = game.new_initial_state()
        moves = 0
        while not state.is_terminal():
            state.apply_action(generator.choice(state.legal_actions()))
            moves += 1
        return moves

    return work
