"""Show what the rules of retention would do today, or do it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from tqdm import tqdm

from registry.command_line import find_model
from registry.models import RegisteredModel
from registry.retention import queries
from registry.retention.services import apply


class Command(BaseCommand):
    help = "Show which versions the rules would archive or delete today. With --apply, do it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", help="only this one")
        parser.add_argument("--apply", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        models = self._models(options["model"])
        now = timezone.now()
        planned = list(queries.plan(now, models))
        for item in planned:
            self.stdout.write(f"{item.version} {item.title}, due since {item.due_since:%Y-%m-%d}")
        if not options["apply"]:
            self.stdout.write(f"planned     {len(planned)} versions; --apply does it")
            return
        with tqdm(total=len(planned), unit="version", desc="retention", disable=None) as bar:
            done = apply(now, models, bar.update)
        self.stdout.write(
            f"archived    {done.archived}\ndeleted     {done.deleted}\nleft        {done.left}"
        )

    def _models(self, name: str | None) -> Any:
        if name is None:
            return None
        return RegisteredModel.objects.filter(pk=find_model(name).pk)
