"""The table of learners: one file per algorithm, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from hamlet.learning.connect_four.trainer import BoardTrainer

LEARNERS = {
    "alphazero": "alphazero.AlphaZeroTrainer",
    "muzero": "muzero.MuZeroTrainer",
    "transformer": "transformer.TransformerTrainer",
    "ppo": "ppo.PpoTrainer",
    "dqn": "dqn.DqnTrainer",
    "ensemble": "ensemble.EnsembleTrainer",
}


def learner_for(model_type: str) -> type[BoardTrainer]:
    """Args: model_type: one of the config's."""
    module, name = LEARNERS[model_type].split(".")
    return getattr(import_module(f"hamlet.learning.connect_four.{module}"), name)
