"""How a model learns on: what waits for a run, its nights; and the settings of both."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hamlet.errors import SpecError
from registry.command_line import explain, find_model
from registry.errors import RegistryError
from registry.models import RegisteredModel
from training.incremental import queries, services
from training.management.commands.retrain import said
from training.retraining.queries import last_nights, new_games, schedule_data

STANDARD = "standard"


class Command(BaseCommand):
    help = "How a model learns on from examples and games: manage.py learning NAME"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="name of the model")
        parser.add_argument(
            "--nightly", choices=["on", "off"], help="learn at night from the games since"
        )
        parser.add_argument(
            "--enough-examples",
            metavar="N",
            help=f"queued examples that start a run, or {STANDARD} for the platform's number",
        )
        parser.add_argument(
            "--discard", action="store_true", help="throw away the examples that wait"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        model = find_model(options["model"])
        if options["discard"]:
            count = services.discard_examples(model, None)
            self.stdout.write(f"{count} examples thrown away")
        if change := change_of(options):
            try:
                services.change_learning(model, None, change)
            except SpecError as error:
                raise explain(error, "Nothing was changed:") from None
            except RegistryError as error:
                raise CommandError(str(error)) from None
        for line in described(model):
            self.stdout.write(line)


def change_of(options: dict[str, Any]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    if options["nightly"] is not None:
        change["nightly"] = options["nightly"] == "on"
    if (text := options["enough_examples"]) is not None:
        number = int(text) if text.isdecimal() and len(text) < 12 else text
        change["enough_examples"] = None if text == STANDARD else number
    return change


def described(model: RegisteredModel) -> list[str]:
    """What is shown, line by line."""
    row = queries.settings_of(model)
    schedule = schedule_data(row, timezone.now())
    lines = [
        f"{queue.queued} examples wait for a run from {queue.base or 'the version in service'}; "
        f"{queue.needed} more are needed"
        for queue in queries.queues_of(model)
    ]
    if row.problem:
        lines.append(f"no run could take them: {row.problem}")
    state = f"on, next at {schedule['next_at']}" if row.nightly else "off"
    lines.append(f"nights at {schedule['at']}: {state}")
    lines.append(
        f"{new_games(model).count()} games since the last training; "
        f"{schedule['games_needed']} are needed"
    )
    return [*lines, *(said(night) for night in last_nights(model))]
