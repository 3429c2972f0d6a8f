"""Take versions of a model from an MLflow model registry."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hamlet.errors import HamletError, SpecError
from hamlet.systems import SYSTEMS
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.management.commands.register import find_classroom
from registry.mlflow_bridge.connection import connect
from registry.mlflow_bridge.errors import UntakenError
from registry.mlflow_bridge.importing import Target, import_versions
from registry.mlflow_bridge.remote import read_wanted
from registry.names import check_name


class Command(BaseCommand):
    help = (
        "Take a model from an MLflow model registry: what mlflow_export gave it comes back as it "
        "was, other models as ONNX. Nothing of what is fetched is ever executed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="walker (all its versions), walker/3 or walker@best")
        parser.add_argument(
            "--tracking-uri", help="http://host:5000; without it, MLFLOW_TRACKING_URI"
        )
        parser.add_argument("--as", dest="name", help="its name here; without it, the same")
        parser.add_argument("--system", choices=list(SYSTEMS), help="of a new model")
        parser.add_argument("--classroom", help="of a new model; without it, private to --user")
        parser.add_argument("--user", help="who imports; without it, the first admin")

    def handle(self, *args: Any, **options: Any) -> None:
        classroom = find_classroom(options["classroom"])
        user = find_person(options["user"])
        try:
            wanted = read_wanted(options["model"])
            name = options["name"] or wanted.name
            check_name(name, "--as")
            target = Target(name, user, options["system"], classroom)
            connection = connect(options["tracking_uri"])
            versions = import_versions(connection, wanted, target, self.stdout.write)
        except SpecError as error:
            raise explain(error, "Nothing was imported:") from None
        except UntakenError as error:
            raise CommandError(f"Nothing was imported. {error}") from None
        except (RegistryError, HamletError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"files cannot be written: {error.strerror or error}") from None
        self.stdout.write(f"{name}: {len(versions)} versions of {wanted.name} are here")
