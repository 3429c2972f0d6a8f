"""A second system, as small as one can be: it tosses coins and learns nothing from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    Event,
    MetricsReported,
    Progress,
    RunFinished,
    Trainer,
)
from hamlet.model import HamletModel
from hamlet.recording import Episode
from hamlet.runspec import RunSpec
from hamlet.schema import Integer, Section, Text, validate
from hamlet.systems import LevelChoice, Score, System
from tests.registry.checkpoints import make_model

COIN = System(
    name="coin",
    title="Coin tosses",
    summary="Win a coin for heads, lose one for tails.",
    unit="toss",
    episode="toss",
    entry="tests.training.coin_system",
    request_fields=("stake",),
    viewer="coin",
    score=Score(
        field="score",
        title="Winnings",
        unit="coins",
        meaning="More coins mean more luck.",
        limit="stake",
        metric="mean_winnings",
    ),
    truncations=("the bank closed",),
)
REQUEST = Section(
    {
        "system": Text("coin"),
        "stake": Integer(1, 100),
        "tosses": Integer(1, 1000, default=12),
        "seed": Integer(0, 2**53 - 1, default=0),
    }
)


def levels() -> list[LevelChoice]:
    return []


def build_runspec(request: Mapping[str, Any]) -> RunSpec:
    read = validate(REQUEST, request)
    return RunSpec("coin", "toss", read["seed"], read["tosses"], {"stake": read["stake"]})


def make_trainer(spec: RunSpec, device: str) -> Trainer:
    return Tosses(spec)


class Tosses(Trainer):
    def __init__(self, spec: RunSpec) -> None:
        self.spec = spec
        self.model = make_model(seed=spec.seed)
        self.generator = torch.Generator().manual_seed(spec.seed)
        self.done = self.won = 0

    def advance(self) -> Iterator[Event]:
        side = int(torch.randint(0, 2, (), generator=self.generator))
        self.done += 1
        self.won += (2 * side - 1) * self.spec.content["stake"]
        reason = "the bank closed" if side else "tails"
        summary = {"survival_steps": 1, "score": self.won, "reason": reason, "stage": 0}
        recording = Episode(self.done, {"stake": 1}, {"side": [side]}, summary, 1e9)
        yield EpisodeFinished(self.done, summary, recording)
        yield MetricsReported(self.done, {"mean_winnings": self.won / self.done})
        if self.finished:
            yield RunFinished({"winnings": float(self.won)})
        elif self.done % 5 == 0:
            yield CheckpointDue(self.done)

    @property
    def progress(self) -> Progress:
        return Progress(self.done, self.spec.budget, "toss")

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.model.network.state_dict(),
            "generator": self.generator.get_state(),
            "done": self.done,
            "won": self.won,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.model.network.load_state_dict(state["network"])
        self.generator.set_state(state["generator"])
        self.done, self.won = state["done"], state["won"]

    def inference_model(self) -> HamletModel:
        return self.model

    def metadata(self) -> dict[str, Any]:
        return {"tosses": self.done}
