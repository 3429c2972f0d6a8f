"""Write a version for another engine and print how far its answers are from the original's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.artifacts.errors import ArtifactError
from registry.artifacts.store import open_artifact
from registry.command_line import TARGET_HELP, find_person, find_target
from registry.exports.models import ExportFormat
from registry.exports.services import SUFFIXES, ExportError, ensure_export

GOAL = 1e-5


class Command(BaseCommand):
    help = "Write a version as ONNX or TorchScript, with parity printed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", help=TARGET_HELP)
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.ONNX)
        parser.add_argument("--output", type=Path, help="file to write; must be new")

    def handle(self, *args: Any, **options: Any) -> None:
        version = find_target(options["version"])
        form = ExportFormat(options["format"])
        output: Path = options["output"] or Path(
            f"{version.model.name}-{version.number}{SUFFIXES[form]}"
        )
        try:
            export = ensure_export(version, form, find_person(None))
            content = open_artifact(export.artifact)
        except (ExportError, ArtifactError) as error:
            raise CommandError(str(error)) from None
        try:
            with output.open("xb") as file:
                file.write(content)
        except FileExistsError:
            raise CommandError(f"{output} is there already. Choose another --output.") from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}") from None
        found = export.parity_relative
        self.stdout.write(f"{output}: {len(content)} bytes")
        word = "reached" if found <= GOAL else "missed"
        self.stdout.write(f"parity: {found:.1e} relative, goal {GOAL:.0e} {word}")
