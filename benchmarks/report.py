"""Tables for people and JSON for programs, with the circumstances on top of both."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import load
from benchmarks.measuring import Spread

Cell = str | int | float | Spread | None


@dataclass
class Table:
    """Rows of named cells; `notes` stand under it."""

    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Markdown, with the columns lined up for the terminal."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        grid = [columns, *([show(row.get(name)) for name in columns] for row in self.rows)]
        widths = [max(len(line[i]) for line in grid) for i in range(len(columns))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in grid
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths))
        body = "\n".join(line + (" |" if line.startswith("| ") else "|") for line in lines)
        notes = "\n" + "".join(f"\n- {note}" for note in self.notes) if self.notes else ""
        return f"## {self.title}\n\n{body}{notes}"

    def to_data(self) -> dict[str, Any]:
        rows = [{name: plain(cell) for name, cell in row.items()} for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": self.notes}


@dataclass
class Report:
    """What one benchmark found. Tables are printed and kept as they come.

    Attributes:
        file: where the JSON is written after each table; None writes none. It has `load_after`
            once the benchmark has ended.
    """

    name: str
    quick: bool
    settings: dict[str, Any]
    machine: dict[str, Any]
    file: Path | None = None
    tables: list[Table] = field(default_factory=list)

    def begin(self) -> None:
        print(f"# {self.name}{QUICK if self.quick else ''}\n")
        for key, value in {**self.machine, **self.settings}.items():
            print(f"{key}: {show_fact(value)}")

    def add(self, table: Table) -> None:
        """Print and keep it."""
        print(f"\n{table.text()}", flush=True)
        self.keep(table)

    def keep(self, table: Table) -> None:
        self.tables.append(table)
        self._write()

    def close(self) -> None:
        self.machine["load_after"] = load()
        self._write()

    def end(self) -> None:
        self.close()
        print(f"\nload after: {self.machine['load_after']}")

    def _write(self) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.to_data(), indent=1) + "\n")
        os.replace(temporary, self.file)

    def to_data(self) -> dict[str, Any]:
        return {
            "benchmark": self.name,
            "quick": self.quick,
            "machine": self.machine,
            "settings": self.settings,
            "tables": [table.to_data() for table in self.tables],
        }


QUICK = " (quick: shows that it runs; the figures mean little)"


def show_fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


def show(cell: Cell) -> str:
    """A number with three digits that matter, a spread with its lowest and highest."""
    if cell is None:
        return "-"
    if isinstance(cell, Spread):
        return f"{number(cell.median)} ({number(cell.low)} to {number(cell.high)})"
    return number(cell) if isinstance(cell, float) else str(cell)


def number(value: float) -> str:
    """Three digits that matter; whole thousands stay whole."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def plain(cell: Cell) -> Any:
    return cell.to_data() if isinstance(cell, Spread) else cell


def verdict(found: Spread, goal: float, *, at_most: bool = False) -> str:
    """Whether the median reaches the goal, and whether all rounds agree; nothing is rounded."""

    def reaches(value: float) -> bool:
        return value <= goal if at_most else value >= goal

    met = "met" if reaches(found.median) else "NOT met"
    rounds = sum(map(reaches, found.values))
    unanimous = rounds in (0, len(found.values))
    doubt = "" if unanimous else f" ({rounds} of {len(found.values)} rounds)"
    return f"goal {'<=' if at_most else '>='} {number(goal)}: {met}{doubt}"
