"""Restore the models of a bundle: numbers, hashes, times, aliases and their history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from hamlet.errors import SpecError
from registry.accounts.models import Classroom, User
from registry.bundles.services import import_bundle
from registry.bundles.uploads import read_rename
from registry.errors import RegistryError


class Command(BaseCommand):
    help = "Restore the models of a bundle. Importing it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bundle", type=Path)
        parser.add_argument("--classroom", help="name of the class that sees what is made")
        parser.add_argument("--owner", help="user name of whom the models belong to")
        parser.add_argument(
            "--rename",
            action="append",
            default=[],
            metavar="OLD:NEW",
            help="another name for a model whose name is taken here; may repeat",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["bundle"]
        owner = self._owner(options["owner"])
        classroom = self._classroom(options["classroom"])
        try:
            size_bytes = path.stat().st_size
            with tqdm(
                total=size_bytes, unit="B", unit_scale=True, desc="import", disable=None
            ) as bar:
                imported = import_bundle(
                    path,
                    user=owner,
                    classroom=classroom,
                    rename=read_rename(options["rename"]),
                    on_read=bar.update,
                )
        except (RegistryError, SpecError) as error:
            raise CommandError(f"Nothing was imported. {error}") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
        for version in imported.versions:
            self.stdout.write(f"{version}")
        for note in imported.notes:
            self.stdout.write(f"note: {note}")
        if imported.changed:
            count = len(imported.versions)
            self.stdout.write(f"imported    {count} versions, {imported.moves} moves of aliases")
        else:
            self.stdout.write("unchanged   all of it was here already")

    def _owner(self, name: str | None) -> User | None:
        owner = User.objects.filter(username=name, is_active=True).first() if name else None
        if name and owner is None:
            raise CommandError(
                f"There is no active account {name}. Make one first: manage.py create_user {name}"
            )
        return owner

    def _classroom(self, name: str | None) -> Classroom | None:
        classroom = Classroom.objects.filter(name=name).first() if name else None
        if name and classroom is None:
            raise CommandError(
                f"There is no class named {name}. Make it: manage.py create_class '{name}'"
            )
        return classroom
