"""Games on the command line: list them, bring them from a file, take them along as one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.datasets.games import WINNERS
from hamlet.errors import SpecError
from registry.command_line import explain, find_person
from registry.errors import RegistryError
from training.games import importing, queries
from training.games.models import GameSource
from training.games.reading import find_classroom

HEADINGS = ("game", "played (UTC)", "source", "red", "yellow", "result", "columns")
MOST = 10_000


class Command(BaseCommand):
    help = "Games: manage.py games list, import FILE, export FILE"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="as this user; the first admin unless given")
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="the newest games")
        listing.add_argument("--limit", type=int, default=20, help="at most so many, default 20")
        bring = actions.add_parser("import", help="keep the games of a file, all or none")
        bring.add_argument("file", type=Path, help="one record in a line, as export writes them")
        bring.add_argument("--classroom", help="name of the class that sees them")
        bring.add_argument(
            "--consent", action="store_true", help="the humans agree that others learn from them"
        )
        take = actions.add_parser("export", help="write games to a file, one record in a line")
        take.add_argument("file", type=Path, help="- for the standard output")
        for one in (listing, take):
            one.add_argument("--source", choices=GameSource.values, default="")
            one.add_argument("--result", choices=list(WINNERS), default="")
            one.add_argument("--version", dest="of_version", default="", metavar="MODEL/NUMBER")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"{options['action']}_games")(find_person(options["user"]), options)
        except SpecError as error:
            raise explain(error, "Nothing was done:") from None
        except (RegistryError, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from None

    def list_games(self, user: Any, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise CommandError(f"--limit {options['limit']}: expected 1 to {MOST}")
        games = wanted(user, options).order_by(*queries.NEWEST_FIRST)[: options["limit"]]
        rows = [cells(queries.game_summary(game)) for game in games]
        if not rows:
            self.stdout.write("There is no such game. `manage.py games import FILE` brings some.")
            return
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for row in (HEADINGS, *rows):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())

    def import_games(self, user: Any, options: dict[str, Any]) -> None:
        classroom = find_classroom(user, options["classroom"])
        with tqdm(unit="game", disable=None) as bar:
            games, new = importing.import_file(
                user,
                options["file"],
                classroom=classroom,
                consent=options["consent"],
                progress=lambda count: bar.update(count - bar.n),
            )
        self.stdout.write(f"{games} games read, {new} new ones kept")

    def export_games(self, user: Any, options: dict[str, Any]) -> None:
        games = wanted(user, options)
        lines = importing.export_lines(queries.stream_games(games))
        shown = tqdm(lines, unit="game", disable=None, total=games.count())
        if str(options["file"]) == "-":
            for line in shown:
                sys.stdout.buffer.write(line)
            return
        count = 0
        with options["file"].open("wb") as file:
            for line in shown:
                file.write(line)
                count += 1
        self.stdout.write(f"{count} games written to {options['file']}")


def wanted(user: Any, options: dict[str, Any]) -> Any:
    return queries.listed_games(
        user,
        {
            "source": options["source"],
            "result": options["result"],
            "version": options["of_version"],
        },
    )


def cells(game: dict[str, Any]) -> tuple[str, ...]:
    red, yellow = (game["players"][colour] for colour in ("red", "yellow"))
    return (
        game["game_id"][:8],
        game["timestamp"][:16].replace("T", " "),
        game["source"],
        red["version"] or red["type"],
        yellow["version"] or yellow["type"],
        game["result"]["winner"],
        game["move_string"],
    )
