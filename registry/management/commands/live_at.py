"""What the aliases of a model named at a time."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from registry.command_line import find_model, read_moment
from registry.queries import live_at


class Command(BaseCommand):
    help = "Say what every alias of a model named at a time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--at", help="such as 2026-11-20T12:00:00Z; without it, now")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        model = find_model(options["model"])
        when = read_moment(options["at"])
        moves = live_at(model, when)
        if options["json"]:
            rows = [
                {
                    "alias": move.name,
                    "version": move.new_number,
                    "artifact_sha256": move.new_version.artifact_id if move.new_version else None,
                    "since": move.moved_at.isoformat(),
                }
                for move in moves
            ]
            self.stdout.write(
                json.dumps({"model": model.name, "at": when.isoformat(), "live": rows})
            )
            return
        if not moves:
            self.stdout.write(
                f"No alias of {model.name} named a version at {when:%Y-%m-%d %H:%M:%S %Z}."
            )
        for move in moves:
            gone = "" if move.new_version else " (deleted since)"
            since = f"{move.moved_at:%Y-%m-%d %H:%M:%S %Z}"
            self.stdout.write(f"{move.name:<20} {move.new_number:<12} since {since}{gone}")
