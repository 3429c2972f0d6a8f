"""Decide a night of a model by hand: start its run from the games since the last one, or say why
there is none."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from registry.command_line import find_model
from training.command_line import find_user
from training.games.models import CONNECT_FOUR
from training.models import Night, NightOutcome
from training.retraining.deciding import decide
from training.retraining.nights import night_of


class Command(BaseCommand):
    help = "Let a model learn from the games since the last time: manage.py retrain --model NAME"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", required=True, help="name of the model")
        parser.add_argument("--night", help="such as 2026-11-22; the one that began last")
        parser.add_argument("--user", help="who asks for it; the first admin unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        model = find_model(options["model"])
        if model.system != CONNECT_FOUR:
            raise CommandError(
                f"{model.name} is a model of {model.system}, which learns from no games."
            )
        night = read_night(options["night"])
        decided = decide(model, night, user=find_user(options["user"]), again=True)
        self.stdout.write(said(decided))


def read_night(text: str | None) -> date:
    """Raises: CommandError."""
    tonight = night_of(timezone.now())
    if text is None:
        return tonight
    try:
        night = date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--night {text}: expected a day, such as {tonight}") from None
    if night > tonight:
        raise CommandError(f"--night {text} has not begun yet; the last one is {tonight}")
    return night


def said(night: Night) -> str:
    """One line for people."""
    games = f"{night.games_count} games"
    if night.outcome == NightOutcome.TRAINING and night.run is not None:
        return f"{night}: {games}, run {night.run_id} is {night.run.status}"
    if night.outcome == NightOutcome.PROPOSED and night.version is not None:
        return f"{night}: {games}, {night.version} is proposed"
    return f"{night}: {night.outcome}, {night.reason}"
