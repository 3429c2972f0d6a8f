"""Give versions of a model to an MLflow model registry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hamlet.errors import SpecError
from registry.command_line import find_alias, find_model, find_number, find_person
from registry.errors import RegistryError
from registry.mlflow_bridge.connection import connect
from registry.mlflow_bridge.exporting import export_versions
from registry.models import ModelVersion, RegisteredModel


class Command(BaseCommand):
    help = (
        "Give a model to an MLflow model registry: each version as an ONNX model that MLflow can "
        "serve, with its original file beside it. What is there already is not sent again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="walker (all its versions), walker/1.0.0 or walker@best")
        parser.add_argument(
            "--tracking-uri", help="http://host:5000; without it, MLFLOW_TRACKING_URI"
        )
        parser.add_argument("--name", help="of the model over there; without it, the same")

    def handle(self, *args: Any, **options: Any) -> None:
        model, versions = find_versions(options["model"])
        try:
            made = export_versions(
                connect(options["tracking_uri"]),
                model,
                versions,
                name=options["name"],
                user=find_person(None),
                say=self.stdout.write,
            )
        except (RegistryError, SpecError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"files cannot be written: {error.strerror or error}") from None
        self.stdout.write(f"exported {made} of {len(versions)} versions")


def find_versions(text: str) -> tuple[RegisteredModel, list[ModelVersion]]:
    """What is asked for, lowest number first. Raises: CommandError."""
    name, slash, number = text.partition("/")
    if slash:
        model = find_model(name)
        return model, [find_number(model, number)]
    name, at, alias = text.partition("@")
    model = find_model(name)
    if at:
        return model, [find_alias(model, alias)]
    versions = model.versions.select_related("model", "artifact", "card")
    found = list(versions.order_by("major", "minor", "patch"))
    if not found:
        raise CommandError(f"{name} has no version yet. A run that finishes registers one.")
    return model, found
