"""Recorded episodes of a little town, made by hand, and how a worker would publish them."""

from __future__ import annotations

import time
from typing import Any

from django.utils import timezone

from hamlet.recording import Episode, encode_episode
from registry.artifacts.store import store_file
from training import events
from training.models import EpisodeSummary, MetricPoint, Replay, Run

METERS = ["energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness"]
ACTIONS = ["UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT", "REST", "MEDITATE"]


def place(name: str, x: int, y: int, opens: int = 0, closes: int = 24) -> dict[str, Any]:
    hours = {"opens": opens, "closes": closes}
    return {"id": 0, "name": name, "x": x, "y": y, "price": 0.05, "ticks": 1, **hours}


def layout(width: int = 4, height: int = 3, view: int | str = "full", **more: Any) -> dict:
    return {
        "level": "test",
        "grid": {"width": width, "height": height},
        "view": view,
        "affordances": [place("Bed", 0, 0), place("Job", width - 1, height - 1, 8, 18)],
        "agent": {"x": 1, "y": 1},
        "start_meters": [1.0] * len(METERS),
        "start_hour": 0,
        "temporal": False,
        "meters": METERS,
        "active_meters": METERS,
        "crisis_threshold": 0.3,
        "cascades": [{"source": "mood", "target": "energy", "strength": 0.005, "group": "g"}],
        "actions": ACTIONS,
        "max_steps": 500,
        **more,
    }


def make_episode(number: int = 1, steps: int = 10, **start: Any) -> Episode:
    """The agent walks to and fro along the top row while its energy and mood run out."""
    width = start.get("layout", layout())["grid"]["width"]
    left = [1.0 - (step + 1) / steps for step in range(steps)]
    return Episode(
        number=number,
        start={
            "mode": "live_training",
            "survival_limit": 500,
            "curriculum_stage": 0,
            "multiplier": 1.0,
            "epsilon": 0.25,
            "intrinsic_weight": 0.5,
            "layout": layout(),
            **start,
        },
        columns={
            "x": [step % width for step in range(steps)],
            "y": [0] * steps,
            "meters": [[energy, 1, 1, 0.5, energy, 1, 1, 1] for energy in left],
            "action": [3] * steps,
            "mask": [[False, True, True, True, False, True, True, True]] * steps,
            "q_values": [[0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 0.125]] * steps,
            "extrinsic": [1.0] * steps,
            "intrinsic": [0.5] * steps,
            "shaping": [0.0] * steps,
            "novelty": [2.0] * steps,
            "hour": [step % 24 for step in range(steps)],
            "progress": [0] * steps,
            "greedy": [step % 2 == 0 for step in range(steps)],
        },
        end={
            "reason": "death: energy",
            "survival_steps": steps,
            "totals": {"extrinsic": float(steps), "intrinsic": steps / 2, "shaping": 0.0},
            "visits": {"Bed": 3, "Job": 1},
            "transitions": {"Bed>Job": 1},
            "meters_at_end": [0.0] * len(METERS),
        },
        ended_at=time.time(),
    )


def publish(run: Run, episode: Episode, dropped: int = 0) -> None:
    """As the worker's publisher sends it."""
    body = events.encode_message("episode", encode_episode(episode), dropped)
    events.send(run.pk, body, keep_for_joiners=True)


def summarise(run: Run, *numbers: int, survival_steps: int = 10) -> None:
    """The rows that a worker writes of finished episodes."""
    EpisodeSummary.objects.bulk_create(
        EpisodeSummary(
            run=run,
            number=number,
            survival_steps=survival_steps,
            score=float(number),
            stage=0,
            reason="death: energy",
            summary={"survival_steps": survival_steps},
            ended_at=timezone.now(),
        )
        for number in numbers
    )


def report(run: Run, at: int, **values: float) -> None:
    """The rows that a worker writes of the learner's own numbers."""
    MetricPoint.objects.bulk_create(
        MetricPoint(run=run, name=name, at=at, value=value) for name, value in values.items()
    )
    run.done, run.latest_metrics = at, {**run.latest_metrics, **values}
    run.save(update_fields=["done", "latest_metrics"])


def keep(run: Run, episode: Episode, *reasons: str) -> Replay:
    """Store an episode as a replay."""
    return Replay.objects.create(
        run=run,
        number=episode.number,
        reasons=list(reasons) or ["every 100th"],
        survival_steps=episode.steps,
        score=1.0,
        artifact=store_file(encode_episode(episode), "application/octet-stream"),
        ended_at=timezone.now(),
    )
