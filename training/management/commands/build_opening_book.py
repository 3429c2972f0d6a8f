"""Solve all openings up to some number of stones into a file for the solver."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import HamletError


class Command(BaseCommand):
    help = "Solve every opening of Connect Four of at most so many stones; goes on where it stopped"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the book; FILE.partial keeps what is solved")
        parser.add_argument("--plies", type=int, default=4, help="stones on the board, default 4")
        parser.add_argument("--workers", type=int, default=1, help="threads, default 1")
        parser.add_argument(
            "--table-mib", type=int, default=512, help="memory of each, default 512"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from hamlet.search.book_building import build_book

        with tqdm(unit="position", disable=None) as bar:

            def show(solved: int, total: int) -> None:
                bar.total = total
                bar.update(solved - bar.n)

            try:
                book = build_book(
                    options["file"],
                    options["plies"],
                    workers=options["workers"],
                    table_mib=options["table_mib"],
                    on_progress=show,
                )
            except (HamletError, OSError) as error:
                raise CommandError(f"{error}. What was solved is kept; call it again") from None
        self.stdout.write(f"{options['file']}: {len(book)} positions of up to {book.plies} stones")
