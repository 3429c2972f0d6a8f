"""Jobs on the command line: list them, look at one, cancel, retry, fetch a result."""

from __future__ import annotations

import io
import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db.models import CharField
from django.db.models.functions import Cast

from registry.artifacts.store import open_verified
from registry.errors import RegistryError
from registry.jobs import kinds, queries, services
from registry.jobs.models import Job, JobStatus

HEADINGS = ("job", "kind", "status", "done", "device", "owner", "about", "sent (UTC)")
MOST = 10_000
SHORTEST_ID = 4
PART = 1 << 20  # letters written at once


class Command(BaseCommand):
    help = "Jobs: manage.py jobs list, show ID, cancel ID, retry ID, result ID"

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the newest jobs")
        listing.add_argument("--status", choices=JobStatus.values)
        listing.add_argument("--kind", choices=kinds.names())
        listing.add_argument("--model", help="name of a model")
        listing.add_argument("--limit", type=int, default=20, help="at most so many, default 20")
        for action, help_ in (
            ("show", "everything about one job"),
            ("cancel", "end it"),
            ("retry", "let a failed or cancelled one begin again"),
            ("result", "print its answer, or write it to a file"),
        ):
            one = actions.add_parser(action, help=help_)
            one.add_argument("id", help="the job's id, or the beginning of it")
            if action == "result":
                one.add_argument("--output", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "list":
            self.show_list(options)
            return
        job = find_job(options["id"])
        try:
            getattr(self, options["action"])(job, options)
        except (RegistryError, OSError) as error:
            raise CommandError(f"job {str(job.pk)[:8]}: {error}") from None

    def show_list(self, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise CommandError(f"--limit {options['limit']}: expected 1 to {MOST}")
        jobs = Job.objects.select_related("owner", "version__model")
        if options["status"]:
            jobs = jobs.filter(status=options["status"])
        if options["kind"]:
            jobs = jobs.filter(kind=options["kind"])
        if options["model"]:
            jobs = jobs.filter(version__model__name=options["model"])
        rows = [row(job) for job in jobs[: options["limit"]]]
        if not rows:
            self.stdout.write("There is no such job. POST /api/v1/predict/jobs makes one.")
            return
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for cells in (HEADINGS, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
            self.stdout.write(line.rstrip())

    def show(self, job: Job, options: dict[str, Any]) -> None:
        for name, value in queries.job_data(job).items():
            if name == "progress":
                self.stdout.write(f"{name:<16}{kinds.reached(job)}")
            elif name == "result" and value is not None:
                self.stdout.write(f"{name:<16}{json.dumps(value)}")
            elif value not in (None, "", False):
                self.stdout.write(f"{name:<16}{value}")

    def cancel(self, job: Job, options: dict[str, Any]) -> None:
        services.cancel_job(job)
        job.refresh_from_db()
        later = "; its worker will end it within seconds" if not job.ended else ""
        self.stdout.write(f"job {job.pk} is {job.status}{later}")

    def retry(self, job: Job, options: dict[str, Any]) -> None:
        services.retry_job(job)
        job.refresh_from_db()
        said = f"; {job.reason}" if job.reason else ""
        self.stdout.write(f"job {job.pk} is {job.status}{said}")

    def result(self, job: Job, options: dict[str, Any]) -> None:
        found = queries.result_of(job)
        if isinstance(found, dict):
            file: BinaryIO = io.BytesIO(json.dumps(found).encode() + b"\n")
        else:
            file = open_verified(found)
        with file:
            if options["output"] is None:
                text = io.TextIOWrapper(file, encoding="utf-8")
                while part := text.read(PART):
                    self.stdout.write(part, ending="")
                return
            with options["output"].open("wb") as output:
                shutil.copyfileobj(file, output)
        self.stdout.write(f"job {job.pk}: {kinds.reached(job)} written to {options['output']}")


def find_job(text: str) -> Job:
    """The job whose id begins with this text. Raises: CommandError."""
    wanted = text.strip().lower()
    if len(wanted) < SHORTEST_ID:
        raise CommandError(f"Give at least {SHORTEST_ID} characters of the job's id.")
    jobs = queries.all_jobs().annotate(id_text=Cast("id", CharField()))
    found = list(jobs.filter(id_text__startswith=wanted)[:2])
    if len(found) != 1:
        many = "No job's id begins" if not found else "The ids of several jobs begin"
        raise CommandError(f"{many} with {text!r}. `manage.py jobs list` lists them.")
    return found[0]


def row(job: Job) -> tuple[str, ...]:
    wished = " (cancel wished)" if job.cancel_wished else ""
    return (
        str(job.pk)[:8],
        job.kind,
        job.status + wished,
        f"{job.done}/{'?' if job.total is None else job.total}",
        job.device,
        job.owner.username if job.owner else "-",
        kinds.subject_of(job)[0] or "-",
        f"{job.created_at:%Y-%m-%d %H:%M}",
    )
