"""Delete a version for good, after showing what goes with it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from registry.command_line import find_model, find_number
from registry.deleting.queries import Preview, preview
from registry.deleting.services import delete_version
from registry.errors import ConflictError


class Command(BaseCommand):
    help = "Show what goes with a version and delete it for good. Without --yes it asks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("number", help="such as 1.0.0")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--reason", default="", help="for the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        version = find_number(find_model(options["model"]), options["number"])
        found = preview(version)
        self._show(found)
        if found.blockers:
            raise CommandError(" ".join(found.blockers))
        if not options["yes"]:
            self._ask(found.name)
        try:
            delete_version(version, token=found.token, reason=options["reason"])
        except ConflictError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{found.name} is deleted for good.")

    def _show(self, found: Preview) -> None:
        for part in (*found.goes, *found.stays):
            self.stdout.write(f"{part.count:>8} {part.kind}: {part.fate}")
        self.stdout.write(f"{found.freed_bytes:>8} bytes in {len(found.files)} files go")

    def _ask(self, name: str) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked here; say --yes to delete what is shown above.")
        if input(f"Type {name} to delete it: ").strip() != name:
            raise CommandError("Nothing was deleted.")
