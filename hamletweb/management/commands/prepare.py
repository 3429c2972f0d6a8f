"""`manage.py prepare`: the first steps of `up`, in a process of their own.

Reads `{"api_key": ..., "accounts": ..., "class": ...}` as up.json has them (each may be null or
left out) from standard input, prints the result as one line of JSON;
progress goes to standard error. `up` calls it; a production set-up may, after each update.
"""

from __future__ import annotations

import contextlib
import json
import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError


class Command(BaseCommand):
    help = "Migrate, make the first accounts and the first run if there are none."

    def handle(self, *args: object, **options: object) -> None:
        from hamletweb.supervisor.first_steps import take_first_steps

        given = "" if sys.stdin.isatty() else sys.stdin.read()
        try:
            known = json.loads(given or "{}")
            known = [known.get(name) for name in ("api_key", "accounts", "class")]
        except (ValueError, AttributeError) as error:
            raise CommandError(
                f'expected {{"api_key": ...}} or nothing on standard input: {error}'
            ) from error
        try:
            with contextlib.redirect_stdout(sys.stderr):
                steps = take_first_steps(*known)
        except DatabaseError as error:
            raise CommandError(f"the database refused: {str(error).strip()}") from error
        self.stdout.write(json.dumps(steps.to_data()))
