"""Register a file as the next version of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hamlet.errors import HamletError, SpecError
from hamlet.systems import SYSTEMS
from registry.accounts.models import Classroom
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.models import ModelVersion, RegisteredModel
from registry.services import ensure_model
from registry.versions.lifecycle import status_of
from registry.versions.numbering import PARTS
from registry.versions.uploading import register_file


class Command(BaseCommand):
    help = (
        "Register an inference checkpoint, plain safetensors with a brain spec, or an ONNX file. "
        "It is looked into in a process of its own; nothing in it is ever executed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="an existing model, or a new name")
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--system", choices=list(SYSTEMS), default="town", help="of a new model"
        )
        parser.add_argument("--classroom", help="of a new model; without it, private to --user")
        parser.add_argument("--user", help="who registers; without it, the first admin")
        parser.add_argument("--brain", type=Path, help="brain.yaml, for plain weights")
        parser.add_argument("--layout", type=Path, help="layout.json, for plain weights")
        parser.add_argument(
            "--check",
            action="store_true",
            help="check it here and now, without waiting for a worker",
        )
        parser.add_argument("--description", default="")
        parser.add_argument("--tags", default="", help='JSON: {"team": "red"}')
        parser.add_argument("--metrics", default="", help='JSON: {"score": 0.5}')
        parser.add_argument("--parameters", default="", help="JSON: what was chosen")
        parser.add_argument("--dataset", default="", help="what it was trained on")
        parser.add_argument("--parent", default="", help="version whose weights it began with")
        parser.add_argument("--part", default="", choices=["", *PARTS], help="that is to rise")

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_person(options["user"])
        file: Path = options["file"]
        texts = {name: read_text(options[name]) for name in ("brain", "layout")}
        names = ("description", "tags", "metrics", "parameters", "dataset", "parent", "part")
        details = {name: options[name] for name in names}
        classroom = find_classroom(options["classroom"])

        def find_or_make() -> RegisteredModel:
            known = RegisteredModel.objects.filter(name=options["model"]).first()
            return known or ensure_model(options["model"], options["system"], user, classroom)

        try:
            version = register_file(find_or_make, file, user, name=file.name, **texts, **details)
        except SpecError as error:
            raise explain(error, f"{file} was not registered:") from None
        except (RegistryError, HamletError) as error:
            raise CommandError(f"{file} was not registered. {error}") from None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror or error}") from None
        self.stdout.write(f"{version.model.name}/{version.number}")
        if options["check"]:
            self.stdout.write(check(version))


def check(version: ModelVersion) -> str:
    """Returns: the status it has then. Raises: CommandError if the check failed."""
    from registry.versions.execution import run_check  # brings torch

    asked = version.checks.get()
    run_check(asked.pk)
    asked.refresh_from_db()
    if not asked.passed:
        raise CommandError(f"{version} is registered, but its check failed. {asked.problem}")
    return str(status_of(version))


def find_classroom(name: str | None) -> Classroom | None:
    if name is None:
        return None
    found = Classroom.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Classroom.objects.values_list("name", flat=True)[:10]) or "none"
        raise CommandError(f"There is no class {name!r}. There are: {known}.")
    return found


def read_text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
