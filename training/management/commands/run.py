"""Steer one run, or remove what an ended one could go on from."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training import collecting, services
from training.command_line import find_run
from training.errors import TrainingError
from training.models import RunStatus, Wish

ACTIONS = {
    "pause": services.pause_run,
    "resume": services.resume_run,
    "cancel": services.cancel_run,
    "discard-checkpoints": collecting.discard_training_checkpoints,
}


class Command(BaseCommand):
    help = "Steer a run: manage.py run pause 1a2b3c4d"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("id", help="the run's id, or the beginning of it")

    def handle(self, *args: Any, **options: Any) -> None:
        run = find_run(options["id"])
        try:
            run = ACTIONS[options["action"]](run, None)
        except TrainingError as error:
            raise CommandError(f"{run.name} ({str(run.pk)[:8]}): {error}") from None
        said = f"run {run.pk} is {run.status}"
        if run.status == RunStatus.RUNNING and run.wish != Wish.RUN:
            said += f"; its worker will {run.wish} it within seconds"
        self.stdout.write(said)
