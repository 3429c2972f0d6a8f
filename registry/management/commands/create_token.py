"""Make an API token for somebody and print it, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from registry.accounts.errors import AccountError
from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token


class Command(BaseCommand):
    help = "Make an API token. It is printed once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("name", help="what will use it")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="may repeat; without it: read and predict",
        )
        parser.add_argument("--days", type=int, help="how long it works; without it: no end")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active account {options['username']}. Make one first: "
                f"manage.py create_user {options['username']}"
            )
        scopes = options["scope"] or [Scope.READ, Scope.PREDICT]
        try:
            _, secret = issue_token(user, options["name"], scopes, self._expiry(options["days"]))
        except AccountError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(secret)

    def _expiry(self, days: int | None) -> datetime | None:
        if days is None:
            return None
        if not 1 <= days <= 3650:
            raise CommandError(f"found --days {days}; expected 1 to 3650")
        return timezone.now() + timedelta(days=days)
