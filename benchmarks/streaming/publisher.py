"""Publish recorded episodes at a fixed pace, our way or through a channel layer.

    HAMLET_DATA_DIR=... python -m benchmarks.streaming.publisher WAY RUN PER_SECOND SECONDS SEED

WAY is `ours`, or `core` or `pubsub` of channels_redis. Prints one line of JSON: how many were sent,
the epoch seconds of the first and the last, and how far the pace fell behind at worst.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import torch

from benchmarks.peers.channel_layer import GROUP, configure
from benchmarks.subjects import town_trainer
from hamlet.learning.trainer import EpisodeFinished
from hamlet.recording import Episode, encode_episode

RECORDINGS = 8
LEVEL = "L1"
Send = Callable[[Episode], Awaitable[None]]


def record(seed: int) -> list[Episode]:
    """A few episodes as the trainer records them, without learning."""
    never = {"num_envs": 1, "learning_starts": 10**6, "intrinsic": {"base_weight": 0.0}}
    trainer = town_trainer(LEVEL, seed=seed, training=never)
    found: list[Episode] = []
    while len(found) < RECORDINGS:
        for event in trainer.advance():
            if isinstance(event, EpisodeFinished) and event.recording:
                found.append(event.recording)
    return found


def our_way(run: str) -> Send:
    """As a worker's publisher thread sends: one message on the run's channel."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "hamletweb.settings"
    import django

    django.setup()
    from training import events

    async def send(episode: Episode) -> None:
        message = events.encode_message("episode", encode_episode(episode))
        events.send(run, message, keep_for_joiners=True)

    return send


def by_group(layer: str) -> Send:
    """As a worker with a channel layer would: the texts of the episode to the group."""
    services = os.path.join(os.environ["HAMLET_DATA_DIR"], "services.json")
    with open(services) as file:
        configure(layer, json.load(file)["redis_url"])
    from channels.layers import get_channel_layer

    from live.encoding import LIVE, encode_for_watchers

    channel_layer = get_channel_layer()

    async def send(episode: Episode) -> None:
        encoded = encode_for_watchers(episode, LIVE)
        for message in (encoded.start, *encoded.batches, encoded.end):
            body = {"type": "episode.message", "text": "{" + message.body}
            await channel_layer.group_send(GROUP, body)

    return send


async def publish(send: Send, episodes: list[Episode], pace: float, seconds: float) -> dict:
    """One episode every 1/pace seconds; `ended_at` of each is the moment before it is encoded."""
    first, behind = time.time(), 0.0
    count = max(1, round(pace * seconds))
    for number in range(count):
        due = first + number / pace
        await asyncio.sleep(max(0.0, due - time.time()))
        now = time.time()
        behind = max(behind, now - due)
        await send(replace(episodes[number % len(episodes)], number=number + 1, ended_at=now))
    return {"sent": count, "first": first, "last": now, "behind_s": behind}


def main() -> int:
    way, run, pace, seconds, seed = sys.argv[1:6]
    torch.set_num_threads(1)
    send = our_way(run) if way == "ours" else by_group(way)
    report: dict[str, Any] = asyncio.run(
        publish(send, record(int(seed)), float(pace), float(seconds))
    )
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
