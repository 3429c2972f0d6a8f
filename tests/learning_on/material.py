"""Examples and games by the dozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import torch
from django.test import Client

from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import inference_bytes
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.model import HamletModel
from registry.artifacts.store import store_file
from registry.models import Classroom, ModelVersion, RegisteredModel, User
from registry.services import ensure_model
from registry.versions import lifecycle
from registry.versions.models import VersionStatus
from registry.versions.services import register_version
from tests.datasets.random_games import random_games
from tests.playing.boards import CREATED_AT
from training.games.rows import Keeping
from training.games.services import record_games
from training.incremental.queries import count_waiting, waiting
from training.models import Game

TINY = {"blocks": 1, "channels": 8, "head_channels": 4, "head_hidden": 16}
SMALL = {"layers": 1, "width": 16, "heads": 2, "feedforward": 32}
MEMBERS = [{"architecture": {"type": kind, kind: TINY}} for kind in ("alphazero", "dqn")]
SIZES = {
    **dict.fromkeys(("alphazero", "muzero", "ppo", "dqn"), TINY),
    "transformer": SMALL,
    "ensemble": {"members": MEMBERS},
}
Send = Callable[..., Any]


def examples(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Examples of different positions: after two, three, four stones."""
    found = list(positions())[first : first + count]
    assert len(found) == count
    return [{"board": {"board": moves}, "move": 3, "value": 0.5} for moves in found]


def positions() -> Iterator[str]:
    """Move strings that lead to positions of which no two are the same, or each other's image."""
    for third in "123567":
        for fourth in "1234567":
            yield f"44{third}{fourth}"[: 4 if fourth != "1" else 3]


def whole_game(moves: str, name: str) -> list[dict[str, Any]]:
    """Every ply of a game that the first player wins."""
    return [
        {
            "board": {"board": moves[:ply]},
            "move": int(column) - 1,
            "value": 1.0 if ply % 2 == 0 else -1.0,
            "game_id": name,
            "ply": ply,
        }
        for ply, column in enumerate(moves)
    ]


def record(
    count: int, owner: User | None, classroom: Classroom | None, seed: int = 1, **keeping: Any
) -> list[Game]:
    """Keep finished games of two programs."""
    before = set(Game.objects.values_list("pk", flat=True))
    record_games(random_games(count, seed), Keeping(owner, classroom, **keeping))
    return list(Game.objects.exclude(pk__in=before))


def moment(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


class Change:
    """`change(nightly=True)`: says how a model learns on, in a browser."""

    def __init__(self, user: User, address: str) -> None:
        self._client, self._address = Client(), address
        self._client.force_login(user)

    def __call__(self, **change: Any):
        return self._client.patch(self._address, change, content_type="application/json")


def register_of_type(kind: str, owner: User, classroom: Classroom, name: str) -> ModelVersion:
    """A checked version of another kind of learner, small enough to be made in a moment."""
    brain = BrainSpec.from_data({"architecture": {"type": kind, kind: SIZES[kind]}})
    network = compile_brain(brain, LAYOUT, generator=torch.Generator().manual_seed(0))
    content = inference_bytes(HamletModel(network), created_at=CREATED_AT)
    file = store_file(content, "application/vnd.safetensors")
    model = ensure_model(name, "connect_four", owner, classroom)
    version = register_version(model=model, artifact=file, user=owner)
    lifecycle.move(version, VersionStatus.VALIDATED)
    return version


def queued(model: RegisteredModel, base: str = "") -> int:
    return count_waiting(waiting(model).filter(base=base))
