"""Tables of a comparison for a page: the longer side goes down, so that little scrolls sideways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe

from registry.comparing.differences import Comparison
from registry.comparing.subjects import Subject, spell


@dataclass(frozen=True)
class Head:
    """Beginning of a row or column; `key` colours it as its line in the charts."""

    label: str
    url: str = ""
    key: int | None = None


@dataclass(frozen=True)
class Cell:
    text: str
    best: bool = False


@dataclass(frozen=True)
class Grid:
    """Heads on two sides and the cells between: `cells[row][column]`."""

    corner: str
    columns: tuple[Head, ...]
    rows: tuple[Head, ...]
    cells: tuple[tuple[Cell, ...], ...]
    numbers: bool = False

    def lines(self) -> list[tuple[Head, SafeString]]:
        """Each row with its cells as markup: a template's loop would take most of the time."""
        return [
            (head, mark_safe("".join(self.markup(cell) for cell in row)))  # noqa: S308 - escaped
            for head, row in zip(self.rows, self.cells, strict=True)
        ]

    def markup(self, cell: Cell) -> str:
        css = "number" if self.numbers else ""
        if cell.best:
            hidden = '<span class="visually-hidden">(best)</span>'
            return f'<td class="{css} best">{escape(cell.text)} {hidden}</td>'
        return f'<td class="{css}">{escape(cell.text)}</td>'

    def turned(self) -> Grid:
        cells = tuple(zip(*self.cells, strict=True))
        return Grid(self.corner, self.rows, self.columns, cells, self.numbers)

    def longer_side_down(self) -> Grid:
        return self if len(self.rows) >= len(self.columns) else self.turned()


def parameter_grid(comparison: Comparison, noun: str) -> Grid:
    rows = tuple(Head(parameter.name) for parameter in comparison.parameters)
    cells = tuple(
        tuple(Cell(spell(value)) for value in parameter.values)
        for parameter in comparison.parameters
    )
    return Grid(noun, heads(comparison.subjects), rows, cells).longer_side_down()


def metric_grid(comparison: Comparison, noun: str) -> Grid:
    rows = tuple(
        Head(f"{metric.name} {'↓' if metric.less_is_better else '↑'}")
        for metric in comparison.metrics
    )
    cells = tuple(
        tuple(Cell(spell(value), place in metric.best) for place, value in enumerate(metric.values))
        for metric in comparison.metrics
    )
    return Grid(noun, heads(comparison.subjects), rows, cells, True).longer_side_down()


def heads(subjects: Sequence[Subject]) -> tuple[Head, ...]:
    return tuple(Head(subject.name, subject.url, key) for key, subject in enumerate(subjects))
