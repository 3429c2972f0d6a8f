"""Make a set of positions with the exact score of every column, to measure strength on."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import HamletError


class Command(BaseCommand):
    help = "Make an evaluation set of Connect Four; the same seed gives the same set"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--stage", required=True, help="begin, middle or end: by stones")
        parser.add_argument(
            "--difficulty", required=True, help="easy, medium or hard: by plies to the forced end"
        )
        parser.add_argument("--count", type=int, default=500, help="positions, default 500")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--fewest-stones", type=int, default=0, help="leave earlier positions out: slow ones"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from hamlet.evaluation.connect_four_sets import build_set, write_set

        with tqdm(total=options["count"], unit="position", disable=None) as bar:
            try:
                made = build_set(
                    options["stage"],
                    options["difficulty"],
                    options["count"],
                    options["seed"],
                    fewest_stones=options["fewest_stones"],
                    on_progress=lambda found, _: bar.update(found - bar.n),
                )
                saved = write_set(options["file"], made)
            except (HamletError, OSError) as error:
                raise CommandError(str(error)) from None
        self.stdout.write(
            f"{options['file']}: {made.name}, {len(made)} positions, {int(made.decisive.sum())} of "
            f"them decisive; sha256 {saved.sha256}"
        )
