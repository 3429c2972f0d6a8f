"""Queue a run from the command line, and follow it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry.errors import RegistryError
from training import services
from training.command_line import (
    explain,
    find_user,
    follow,
    merge,
    read_document,
    read_settings,
)
from training.errors import TrainingError
from training.models import Run, RunStatus

FIELDS = ("level", "episodes", "seed", "name", "model", "classroom", "device")
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Queue a run: manage.py train town --level L1 --follow"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("system", help=f"one of {', '.join(SYSTEMS)}")
        parser.add_argument(
            "--level",
            metavar="NAME_OR_FOLDER",
            help="name of a level, such as L1; or a folder with a level pack of your own: "
            "level.yaml, brain.yaml and training.yaml",
        )
        parser.add_argument("--brain", metavar="FILE", help="a brain.yaml; else the level's own")
        parser.add_argument("--episodes", type=int, help="how many; else the level's own budget")
        parser.add_argument("--seed", type=int, help="equal seeds give equal weights")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PATH=VALUE",
            dest="settings_",
            help="any other field, such as training.num_envs=8; may be given several times",
        )
        parser.add_argument("--user", help="who owns the run; else the first admin")
        parser.add_argument("--name", help="what lists call the run")
        parser.add_argument("--model", help="the name under which the result is registered")
        parser.add_argument("--classroom", help="name of a class that may watch")
        parser.add_argument("--device", help="cpu or gpu")
        parser.add_argument("--follow", action="store_true", help="show a bar until it ends")

    def handle(self, *args: Any, **options: Any) -> None:
        request = read_request(options)
        try:
            run = services.queue_run(find_user(options["user"]), request)
        except SpecError as error:
            raise explain(error, "The run was not started:") from None
        except (TrainingError, RegistryError) as error:
            raise CommandError(str(error)) from None
        try:
            self.stdout.write(f"run {run.pk} is queued: {run.name}")
            self.stdout.flush()
            if options["follow"]:
                self.report(follow(run))
        except KeyboardInterrupt:
            self.stderr.write(
                f"\nThe run goes on without you. Stop it with: manage.py run cancel {run.pk}"
            )
            sys.exit(INTERRUPTED)

    def report(self, run: Run) -> None:
        if run.status == RunStatus.FAILED:
            raise CommandError(f"The run failed: {run.reason}")
        result = f"run {run.pk} {run.status} at {run.unit} {run.done} of {run.total}"
        if run.version is not None:
            result += f"; registered as {run.version}"
        self.stdout.write(result)


def read_request(options: dict[str, Any]) -> dict[str, Any]:
    """The options as the body of a request. Raises: CommandError."""
    request: dict[str, Any] = {"system": options["system"]}
    request |= {name: options[name] for name in FIELDS if options[name] is not None}
    if options["level"] is not None:
        request |= read_level(options["system"], options["level"])
    if options["brain"] is not None:
        request["brain"] = read_document(options["brain"])
    return merge(request, read_settings(options["settings_"]))


def read_level(system_name: str, text: str) -> dict[str, Any]:
    """The level by its name, or all of the pack in a folder of this machine.

    Only this command takes folders: neither the REST API nor a page may read the server's files.
    Raises: CommandError.
    """
    system = SYSTEMS.get(system_name)
    shipped = {level.name for level in system.levels()} if system else {text}
    if text in shipped or not (os.sep in text or os.path.isdir(text)):
        return {"level": text}
    try:
        return system.read_folder(Path(text))
    except SpecError as error:
        raise explain(error, f"{text} is no level pack to train with:") from None
