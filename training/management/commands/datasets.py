"""Datasets on the command line: list them, build one, take one along as a file."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import SpecError
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.jobs.models import Job, JobStatus
from training.command_line import read_settings
from training.datasets import queries, services

HEADINGS = ("dataset", "status", "examples", "owner", "class", "content")
MOST = 10_000
POLL_S = 0.5


class Command(BaseCommand):
    help = "Datasets: manage.py datasets list, build NAME, export NAME FILE"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="as this user; the first admin unless given")
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the newest datasets")
        listing.add_argument("--limit", type=int, default=20, help="at most so many, default 20")
        build = actions.add_parser("build", help="build one from the games you may learn from")
        build.add_argument("name")
        build.add_argument("--classroom", help="name of the class that sees it")
        build.add_argument("--seed", type=int, default=0)
        build.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="OPTION=VALUE",
            help="such as include_policy=true or filters.min_length=8; as often as wanted",
        )
        build.add_argument("--no-wait", action="store_true", help="a worker does it meanwhile")
        take = actions.add_parser("export", help="write one to a file, one example in a line")
        take.add_argument("name")
        take.add_argument("file", type=Path)
        take.add_argument("--format", choices=list(services.MEDIA_TYPES), default="json")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"{options['action']}_dataset")(find_person(options["user"]), options)
        except SpecError as error:
            raise explain(error, "Nothing was done:") from None
        except (RegistryError, OSError) as error:
            raise CommandError(str(error)) from None

    def list_dataset(self, user: Any, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise CommandError(f"--limit {options['limit']}: expected 1 to {MOST}")
        found = queries.visible_datasets(user)[: options["limit"]]
        rows = [cells(queries.dataset_summary(dataset)) for dataset in found]
        if not rows:
            self.stdout.write("There is no dataset yet. `manage.py datasets build NAME` makes one.")
            return
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for row in (HEADINGS, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())

    def build_dataset(self, user: Any, options: dict[str, Any]) -> None:
        asked = {
            "name": options["name"],
            "seed": options["seed"],
            "classroom": options["classroom"],
            "options": read_settings(options["set"]),
        }
        job, _ = services.build_dataset(user, asked)
        if not options["no_wait"]:
            job = watch(job)
            if job.status != JobStatus.SUCCEEDED:
                raise CommandError(f"{options['name']} {job.status}: {job.reason or 'by request'}")
        dataset = queries.visible_datasets(user).get(name=options["name"])
        for name, value in queries.dataset_summary(dataset).items():
            if value not in (None, ""):
                self.stdout.write(f"{name:<16}{value}")

    def export_dataset(self, user: Any, options: dict[str, Any]) -> None:
        dataset = queries.visible_datasets(user).filter(name=options["name"]).first()
        if dataset is None:
            raise CommandError(
                f"There is no dataset {options['name']!r}. `manage.py datasets list` shows them."
            )
        pieces = services.export_dataset(dataset, options["format"])
        with (
            options["file"].open("wb") as file,
            tqdm(unit="B", unit_scale=True, disable=None) as bar,
        ):
            for piece in pieces:
                bar.update(file.write(piece))
        self.stdout.write(f"{dataset.examples_count} examples written to {options['file']}")


def watch(job: Job) -> Job:
    """Follow the job to its end; a worker does it."""
    with tqdm(total=job.total, unit="game", disable=None) as bar:
        while not job.ended:
            time.sleep(POLL_S)
            job.refresh_from_db()
            bar.update(job.done - bar.n)
            if job.status == JobStatus.QUEUED and job.reason:
                bar.set_postfix_str(job.reason)
    return job


def cells(dataset: dict[str, Any]) -> tuple[str, ...]:
    return (
        dataset["name"],
        dataset["status"],
        str(dataset["total_examples"]),
        dataset["owner"] or "-",
        dataset["classroom"] or "-",
        (dataset["manifest_hash"] or "-")[:19],
    )
