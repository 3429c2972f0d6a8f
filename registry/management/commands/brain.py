"""Check a brain spec from a file, and show how two specs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from hamlet.yaml_documents import MAX_DOCUMENT_BYTES
from registry.brains.differing import ABSENT, field_differences, spelt, text_difference
from registry.brains.judging import Judgement, Overview, judge
from registry.command_line import explain
from registry.models import BrainSpec
from registry.services import check_brain


class Command(BaseCommand):
    help = "Check a brain.yaml, or show in what two brain specs differ. Nothing is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        check = commands.add_parser("check", help="faults with their lines; else its layers")
        check.add_argument("file", type=Path)
        check.add_argument("--level", default="", help="L1; without it, the first that it fits")
        check.add_argument("--system", choices=list(SYSTEMS), default="")
        diff = commands.add_parser("diff", help="how two differ; each a file or the name of one")
        diff.add_argument("left")
        diff.add_argument("right")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "diff":
            self.compare(options["left"], options["right"])
        else:
            self.judge(options["file"], options["system"], options["level"])

    def judge(self, file: Path, system: str, level: str) -> None:
        try:
            found = judge(read(file), system, level)
        except SpecError as error:
            raise explain(error, f"{file} was not checked:") from None
        if found.overview is None or found.spec is None:
            raise CommandError("\n".join([headline(file, found), *lines_of_faults(found)]))
        self.stdout.write(f"{file}: {found.spec.type}, {found.spec.hash}")
        for line in described(found.overview):
            self.stdout.write(line)

    def compare(self, left: str, right: str) -> None:
        specs = [find(left), find(right)]
        fields = field_differences(*specs)
        if not fields:
            self.stdout.write(f"Both mean the same brain: {specs[0].spec_hash}")
        for field in fields:
            sides = ["-" if side is ABSENT else spelt(side) for side in (field.left, field.right)]
            self.stdout.write(f"{field.path}: {sides[0]} | {sides[1]}")
        if text := text_difference(*specs):
            self.stdout.write("\n" + text)


def headline(file: Path, found: Judgement) -> str:
    if found.spec is None:
        return f"{file} is no brain spec:"
    return f"{file} is well-formed by itself, but does not fit {found.level or 'any level'}:"


def lines_of_faults(found: Judgement) -> list[str]:
    return [
        f"  {f'line {fault.line}, ' if fault.line else ''}{fault.path}: {fault.message}"
        for fault in found.faults
    ]


def described(made: Overview) -> list[str]:
    rows = [("layer", "type", "output", "parameters")]
    rows += [(r["name"], r["type"], r["output"], r["parameters"]) for r in made.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    memory = ", ".join(f"{n} {filesizeformat(b)}" for n, b in made.memory.items())
    return [
        f"{made.system} {made.level}: {made.inputs} inputs, {len(made.actions)} actions, "
        f"{made.parameters_shown} parameters",
        "",
        *table,
        "",
        f"memory while it learns, about: {memory.replace(chr(160), ' ')}",
    ]


def find(name: str) -> BrainSpec:
    """A spec that is kept under this name, or one read from a file. Raises: CommandError."""
    if kept := BrainSpec.objects.filter(name=name).first():
        return kept
    text = read(Path(name))
    try:
        spec = check_brain(text)
    except SpecError as error:
        raise explain(error, f"{name} is no brain spec:") from None
    return BrainSpec(name=name, yaml_text=text, data=spec.data, spec_hash=spec.hash)


def read(file: Path) -> str:
    """Raises: CommandError."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_DOCUMENT_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CommandError(
            f"{file} is neither the name of a brain spec nor a file that can be read: {error}"
        ) from None
