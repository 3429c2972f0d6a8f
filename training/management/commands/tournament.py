"""Let players meet in a tournament, wait for it, and print their ratings."""

from __future__ import annotations

import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from hamlet.errors import SpecError
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from registry.jobs import services
from registry.jobs.models import Job, JobStatus
from training.league import playing
from training.league.entrants import POOL, in_words

POLL_S = 0.2
HERE = "manage.py tournament"
HEADINGS = ("place", "player", "rating", "low", "high", "games", "won", "drawn", "lost")


class Command(BaseCommand):
    help = "Let every two of some players meet, and rate them by their games"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--player",
            dest="players",
            action="append",
            required=True,
            metavar="PLAYER",
            help=f"{', '.join(POOL)}, model/1.0.0, or model/1.0.0@64 to search; give two or more",
        )
        parser.add_argument(
            "--games-per-pair",
            type=int,
            default=playing.DEFAULT_GAMES,
            help=f"even, 2 to {playing.MOST_GAMES}, default {playing.DEFAULT_GAMES}",
        )
        parser.add_argument("--seed", type=int, help="the same seed plays the same games")
        parser.add_argument("--classroom", help="name of the class that sees the games")
        parser.add_argument("--user", help="as this user; the first admin unless given")
        parser.add_argument(
            "--here", action="store_true", help="play in this process; no worker is needed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        job = queue(options)
        self.stdout.write(f"job {job.pk} is queued")
        self.stdout.flush()
        try:
            play_here(job) if options["here"] else follow(job)
        except KeyboardInterrupt:
            self.stderr.write(f"\nThe job stays. Stop it with: manage.py jobs cancel {job.pk}")
            sys.exit(130)
        job.refresh_from_db()
        if job.status != JobStatus.SUCCEEDED:
            raise CommandError(f"job {job.pk} {job.status}: {job.reason or 'see manage.py jobs'}")
        rows = [HEADINGS, *cells_of(job.result["ratings"])]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())


def queue(options: dict[str, Any]) -> Job:
    """Raises: CommandError."""
    asked = {
        "players": [in_words(text) for text in options["players"]],
        **{name: options[name] for name in ("games_per_pair", "seed", "classroom")},
    }
    try:
        return services.queue_job(find_person(options["user"]), asked, kind=playing.NAME)[0]
    except SpecError as error:
        raise explain(error, "The tournament was not started:") from None
    except RegistryError as error:
        raise CommandError(str(error)) from None


def follow(job: Job, stop: threading.Event | None = None) -> None:
    """Show a bar on stderr until the job has ended, or `stop` is set."""
    told = ""
    with tqdm(total=job.total, unit="game", disable=None) as bar:
        while True:
            job.refresh_from_db()
            bar.n = job.done
            bar.refresh()
            if job.reason and job.reason != told and not job.ended:
                bar.write(job.reason, file=sys.stderr)
                told = job.reason
            if job.ended or (stop is not None and stop.is_set()):
                return
            time.sleep(POLL_S)


def play_here(job: Job) -> None:
    """Do the job in this process, while a thread of its own shows the bar. A worker that came
    first keeps it; then wait for that one."""
    from registry.jobs import execution  # brings torch

    stop = threading.Event()

    def show() -> None:
        try:
            follow(Job.objects.get(pk=job.pk), stop)
        finally:
            connection.close()

    shown = threading.Thread(target=show, daemon=True)
    shown.start()
    try:
        execution.execute(job.pk, HERE)
    finally:
        stop.set()
        shown.join()
    job.refresh_from_db()
    if job.status == JobStatus.RUNNING:
        follow(job)


def cells_of(ratings: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            str(place),
            one["player"],
            *("-" if one[name] is None else f"{one[name]:.0f}" for name in HEADINGS[2:5]),
            *(str(one[name]) for name in ("games", "wins", "draws", "losses")),
        )
        for place, one in enumerate(ratings, 1)
    ]
