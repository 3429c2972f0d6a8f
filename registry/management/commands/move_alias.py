"""Let an alias name another version."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hamlet.errors import SpecError
from registry.aliases.services import move_alias
from registry.command_line import explain, find_model, find_number, find_person
from registry.errors import RegistryError


class Command(BaseCommand):
    help = "Let an alias of a model name another version, from one moment to the next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("alias", help="walker@best")
        parser.add_argument("version", help="1.0.1")
        parser.add_argument("--reason", default="")
        parser.add_argument("--user", help="who moves it; without it, the first admin")

    def handle(self, *args: Any, **options: Any) -> None:
        name, _, alias = options["alias"].partition("@")
        model = find_model(name)
        version = find_number(model, options["version"])
        user = find_person(options["user"])
        try:
            moved = move_alias(model, alias, version, user, reason=options["reason"])
        except SpecError as error:
            raise explain(error, f"{options['alias']} did not move:") from None
        except RegistryError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{moved} names {version.number}")
