"""`manage.py up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import os

from django.core.management.base import BaseCommand, CommandError

from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import read_plan
from hamletweb.supervisor.running import Platform


class Command(BaseCommand):
    help = (
        "Run the platform: PostgreSQL, Valkey, web server, workers. HAMLET_PORT, HAMLET_HOST, "
        "HAMLET_DATA_DIR, DATABASE_URL and REDIS_URL change where."
    )
    # The checks of the models would need the database that this command is about to start.
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        try:
            Platform(read_plan(os.environ)).run()
        except CannotStartError as error:
            raise CommandError(str(error)) from error
