"""Make an account and print its password, or read one from standard input."""

from __future__ import annotations

import secrets
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from registry.accounts.errors import AccountError
from registry.accounts.models import Classroom, Role
from registry.accounts.services import add_member, create_user


class Command(BaseCommand):
    help = "Make an account with a random password, which is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=Role.values, default=Role.STUDENT.value)
        parser.add_argument(
            "--class", dest="classroom", help="name of a class to enter; an instructor teaches it"
        )
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from standard input, so that no shell history holds it",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        given = options["password_stdin"]
        password = sys.stdin.readline().rstrip("\n") if given else secrets.token_urlsafe(12)
        role = Role(options["role"])
        try:
            user = create_user(options["username"], password, role)
        except AccountError as error:
            raise CommandError(str(error)) from None
        if name := options["classroom"]:
            classroom = Classroom.objects.filter(name=name).first()
            if classroom is None:
                raise CommandError(
                    f"There is no class named {name}. Make it: manage.py create_class '{name}'"
                )
            add_member(classroom, user, teaches=role is not Role.STUDENT)
        if not given:
            self.stdout.write(password)
