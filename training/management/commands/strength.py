"""How a model of Connect Four plays against perfect play."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from hamlet.errors import HamletError
from registry.artifacts.store import open_artifact
from registry.errors import RegistryError
from registry.queries import find_version
from training.command_line import find_user

if TYPE_CHECKING:
    from hamlet.evaluation.connect_four import Mistakes

SYSTEM = "connect_four"
SIMULATIONS = (0, 200)
MOST_SIMULATIONS = 10_000
HEADINGS = ("set", "positions", "WDL mistakes", "decisive", "WDL mistakes", "score mistakes")


class Command(BaseCommand):
    help = (
        "Count the mistakes of a Connect Four model on positions that the solver has judged: "
        "manage.py strength connect-four-alphazero --simulations 0 200"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "model", metavar="NAME[@VERSION]", help="by number or alias; else its latest version"
        )
        parser.add_argument(
            "--simulations",
            type=simulations,
            nargs="+",
            default=list(SIMULATIONS),
            help="of the search before each move; 0 asks the network alone (default 0 and 200)",
        )
        parser.add_argument("--sets", nargs="+", help="such as begin-easy; else all")
        parser.add_argument("--seed", type=int, default=0, help="of what a search draws")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")

    def handle(self, *args: Any, **options: Any) -> None:
        # Sums over several threads differ in the last bit, and a choice may hang on it.
        import torch

        torch.set_num_threads(1)
        try:
            results = measure(options, self.show)
        except (HamletError, RegistryError) as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            text = json.dumps({"model": options["model"], "results": results}, indent=1)
            try:
                options["json"].write_text(text + "\n")
            except OSError as error:
                raise CommandError(f"{options['json']} cannot be written: {error}") from None

    def show(self, title: str, found: dict[str, Mistakes]) -> None:
        rows = [HEADINGS, *(cells(name, mistakes) for name, mistakes in found.items())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.stdout.write(f"{title}: percent [95 % interval]\n")
        for row in rows:
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.stdout.write(line.rstrip())
        self.stdout.write("")


def simulations(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = -1
    if not 0 <= count <= MOST_SIMULATIONS:
        raise ArgumentTypeError(f"found {text}; expected a whole number, 0 to {MOST_SIMULATIONS}")
    return count


def measure(options: dict[str, Any], show: Any) -> list[dict[str, Any]]:
    """Raises: HamletError, RegistryError, CommandError."""
    from hamlet.evaluation.connect_four_strength import mistakes_of, network_player, ordered_sets
    from hamlet.model import HamletModel

    name, _, number = options["model"].partition("@")
    version = find_version(find_user(None), name, number or "latest")
    if version.model.system != SYSTEM:
        raise CommandError(f"{version} plays {version.model.system}, not Connect Four.")
    model = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
    sets = list(ordered_sets(options["sets"]))
    results = []
    for count in dict.fromkeys(options["simulations"]):
        player = network_player(model.network, count)
        found = {}
        with tqdm(total=sum(map(len, sets)), unit="position", disable=None) as bar:
            for chosen in sets:
                found[chosen.name] = mistakes_of(
                    player, chosen, seed=options["seed"], on_positions=bar.update
                )
        how = f"{count:,} simulations" if count else "the network alone"
        show(f"{version}, {how}", found)
        data = {name: mistakes.to_data() for name, mistakes in found.items()}
        results.append({"simulations": count, "sets": data})
    return results


def cells(name: str, mistakes: Mistakes) -> tuple[str, ...]:
    from hamlet.evaluation.connect_four_strength import percent

    some = mistakes.decisive
    return (
        name,
        str(mistakes.all.positions),
        percent(mistakes.all.wdl),
        str(some.positions),
        percent(some.wdl),
        percent(mistakes.all.score),
    )
