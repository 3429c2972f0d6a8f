"""Steer one run, or remove what an ended one could go on from."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training import services
from training.command_line import find_run
from training.errors import TrainingError
from training.models import Run, RunStatus, Wish

STEERING = {
    "pause": services.pause_run,
    "resume": services.resume_run,
    "cancel": services.cancel_run,
}
DISCARD = "discard-checkpoints"


class Command(BaseCommand):
    help = (
        "Steer a run (manage.py run pause 1a2b3c4d), or remove the training checkpoints of one "
        f"that has ended ({DISCARD})"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=[*STEERING, DISCARD])
        parser.add_argument("id", help="the run's id, or the beginning of it")

    def handle(self, *args: Any, **options: Any) -> None:
        run = find_run(options["id"])
        action = options["action"]
        try:
            said = discard(run) if action == DISCARD else steer(run, action)
        except TrainingError as error:
            raise CommandError(f"{run.name} ({str(run.pk)[:8]}): {error}") from None
        self.stdout.write(said)


def steer(run: Run, action: str) -> str:
    run = STEERING[action](run, None)
    said = f"run {run.pk} is {run.status}"
    if run.status == RunStatus.RUNNING and run.wish != Wish.RUN:
        said += f"; its worker will {run.wish} it within seconds"
    return said


def discard(run: Run) -> str:
    gone = services.discard_training_checkpoints(run, None)
    megabytes = sum(checkpoint.artifact.size_bytes for checkpoint in gone) / 1e6
    noun = "checkpoint" if len(gone) == 1 else "checkpoints"
    return f"run {run.pk}: {len(gone)} training {noun} removed, {megabytes:,.1f} MB"
