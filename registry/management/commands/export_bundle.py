"""Write models into one file that another server restores: `import_bundle` there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from registry.artifacts.errors import ArtifactError
from registry.bundles.errors import BundleError
from registry.bundles.services import export_bundle
from registry.command_line import find_model, find_number
from registry.models import ModelVersion, RegisteredModel


class Command(BaseCommand):
    help = (
        "Write models, with versions, origin, aliases and their history, into one file. The same "
        "models give the same bytes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "model", nargs="*", help="a model, or model/1.0.0 for one version without aliases"
        )
        parser.add_argument("--all", action="store_true", help="every model there is")
        parser.add_argument("--output", required=True, type=Path, help="file to write; must be new")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["model"]) == options["all"]:
            raise CommandError("Name models, or say --all.")
        output: Path = options["output"]
        if output.exists():
            raise CommandError(f"{output} is there already. Choose another name, or remove it.")
        chosen = (
            list(RegisteredModel.objects.order_by("name"))
            if options["all"]
            else [find(text) for text in options["model"]]
        )
        try:
            with tqdm(unit="B", unit_scale=True, desc="export", disable=None) as bar:
                manifest = export_bundle(chosen, output, on_written=bar.update)
        except (BundleError, ArtifactError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror or error}") from None
        for model in manifest["models"]:
            self.stdout.write(f"{model['name']}: {len(model['versions'])} versions")
        self.stdout.write(f"{output}: {output.stat().st_size} bytes")


def find(text: str) -> RegisteredModel | ModelVersion:
    """Raises: CommandError."""
    name, slash, number = text.partition("/")
    model = find_model(name)
    return find_number(model, number) if slash else model
