"""`manage.py up`: the whole platform on this machine, until Ctrl-C.

`manage.py` runs it without Django (seconds sooner, and the supervisor stays small); this class
is what `manage.py help` shows and what `call_command` finds.
"""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from hamletweb.supervisor.command import main


class Command(BaseCommand):
    help = (
        "Run the platform: PostgreSQL, Valkey, web server, workers. HAMLET_PORT, HAMLET_HOST, "
        "HAMLET_DATA_DIR, DATABASE_URL and REDIS_URL change where."
    )
    # The checks of the models would need the database that this command is about to start.
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        if main() != 0:
            raise CommandError("the platform did not start; the reason stands above")
