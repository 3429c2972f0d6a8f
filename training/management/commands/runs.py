"""List runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training.models import Run, RunStatus

HEADINGS = ("run", "status", "progress", "level", "owner", "model", "name")
MOST = 10_000


class Command(BaseCommand):
    help = "List the newest runs"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--status", choices=RunStatus.values)
        parser.add_argument("--limit", type=int, default=20, help="at most so many, default 20")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise CommandError(f"--limit {options['limit']}: expected 1 to {MOST}")
        runs = Run.objects.select_related("owner", "model", "version__model")
        if options["status"]:
            runs = runs.filter(status=options["status"])
        rows = [row(run) for run in runs[: options["limit"]]]
        if not rows:
            self.stdout.write("There is no such run. Start one: manage.py train town --level L0")
            return
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for cells in (HEADINGS, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
            self.stdout.write(line.rstrip())


def row(run: Run) -> tuple[str, ...]:
    wish = f" ({run.wish} wished)" if run.wish != "run" else ""
    made = str(run.version) if run.version else str(run.model or "-")
    return (
        str(run.pk)[:8],
        run.status + wish,
        f"{run.done}/{run.total} {run.unit}",
        run.level or run.system,
        run.owner.username if run.owner else "-",
        made,
        run.name,
    )
