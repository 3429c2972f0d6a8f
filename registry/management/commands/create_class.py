"""Make a class and print the code with which students join it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from registry.accounts.models import Classroom, User
from registry.accounts.roles import is_instructor
from registry.accounts.services import add_member, create_classroom


class Command(BaseCommand):
    help = "Make a class. Prints its join code."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--teacher", action="append", default=[], help="an instructor's user name; may repeat"
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > 100:
            raise CommandError("A class needs a name of 1 to 100 characters.")
        if Classroom.objects.filter(name=name).exists():
            raise CommandError(f"There is a class named {name} already. Choose another name.")
        classroom = create_classroom(name)
        for username in options["teacher"]:
            teacher = User.objects.filter(username=username).first()
            if teacher is None or not is_instructor(teacher):
                raise CommandError(
                    f"{username} is no instructor. Make one first: "
                    f"manage.py create_user {username} --role instructor"
                )
            add_member(classroom, teacher, teaches=True)
        self.stdout.write(classroom.spelled_code)
