"""Play the held-out episodes and judge what was trained, as spec and `manage.py evaluate` do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from hamlet.envs.town.packs import load_pack
from hamlet.envs.town.policies import POLICIES, make_policy
from hamlet.evaluation.evaluate import EpisodeResults, evaluate
from hamlet.model import HamletModel

LONG = 4  # times the level's limit, since a good policy may reach it


@dataclass(frozen=True)
class Play:
    """One set of episodes to play.

    Attributes:
        subject: the name of a script, or the path of a model's file.
        limit_factor: 1 or LONG. zeroed: observation groups that the model sees as zeros.
    """

    level: str
    subject: str
    episodes: int
    seed: int
    limit_factor: int = 1
    zeroed: tuple[str, ...] = ()


def play(task: Play, threads: int) -> EpisodeResults:
    """Runs in a process of its own."""
    torch.set_num_threads(threads)
    if task.subject in POLICIES:
        subject = make_policy(task.subject, task.seed)
    else:
        subject = HamletModel.load_from_checkpoint(Path(task.subject))
    return evaluate(
        subject,
        load_pack(task.level).level,
        episodes=task.episodes,
        seed=task.seed,
        limit_factor=task.limit_factor,
        zeroed_groups=task.zeroed,
    )
