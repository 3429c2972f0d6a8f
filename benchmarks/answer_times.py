"""How long a model takes to answer, beside the bare network and stable-baselines3."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.measuring import median_ms, ratio, take_turns
from benchmarks.peers.sb3 import TownsForSB3, make_dqn
from benchmarks.report import Table
from benchmarks.subjects import plain_brain, town_trainer
from hamlet.model import HamletModel

LEVEL = "L1"
BATCH = 64


def latencies(trainer: Any, options: Namespace) -> Table:
    """Milliseconds per predict call, beside the bare network and stable-baselines3."""
    table = Table("Predicting, milliseconds per call", notes=LATENCY_NOTES)
    models = {
        f"{LEVEL} dueling": trainer.inference_model(),
        f"{LEVEL} feedforward": plain_model(options),
        "L2 recurrent": town_trainer("L2", seed=options.seed).inference_model(),
    }
    for name, model in models.items():
        for batch in (1, BATCH):
            table.rows.append(latency_row(name, model, batch, options))
    return table


LATENCY_NOTES = [
    "bare network: the same module called with a ready tensor, nothing checked, nothing chosen",
    "stable-baselines3: DQN.predict of a network of the same size, numpy in and out",
]


def plain_model(options: Namespace) -> HamletModel:
    brain = plain_brain([256, 128], learning_rate=1e-4, batch_size=64, capacity=1000)
    return town_trainer(LEVEL, seed=options.seed, brain=brain).inference_model()


def latency_row(name: str, model: HamletModel, batch: int, options: Namespace) -> dict:
    generator = torch.Generator().manual_seed(options.seed)
    obs = torch.rand(batch, model.network.layout.size, generator=generator)
    mask = torch.ones(batch, len(model.network.layout.actions), dtype=torch.bool)
    hidden = model.network.initial_hidden(batch) if model.is_recurrent else None
    network = (lambda: model.network(obs, hidden)) if hidden else (lambda: model.network(obs))
    contestants: dict[str, Callable] = {
        "ours": lambda: model.predict(obs, hidden, action_mask=mask),
        "bare network": torch.no_grad()(network),
    }
    if "feedforward" in name:
        contestants["stable-baselines3"] = sb3_predict(batch, options.seed, obs)
    count = options.repetitions * 10
    timed = {key: partial(median_ms, work, count) for key, work in contestants.items()}
    found = take_turns(timed, options.rounds, unit="ms")
    theirs = found.get("stable-baselines3")
    return {
        "model": name,
        "batch": batch,
        "ours": found["ours"],
        "bare network": found["bare network"],
        "ours / bare": ratio(found["ours"], found["bare network"]),
        "stable-baselines3": theirs,
        "stable-baselines3 / ours": ratio(theirs, found["ours"]) if theirs else None,
    }


def sb3_predict(batch: int, seed: int, obs: torch.Tensor) -> Callable:
    peer = make_dqn(
        TownsForSB3(LEVEL, 1, seed),
        hidden=[256, 128],
        batch_size=64,
        capacity=1000,
        learning_starts=1000,
        every=4,
        most_per_step=8,
        sync_updates=100,
        learning_rate=1e-4,
        seed=seed,
    )
    return partial(peer.predict, obs.numpy(), deterministic=True)
