"""Drawings of a search: val_loss against the order of trials and against each setting, as numbers
that a template puts into SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.hypersearch.space import CHOICE, LOGUNIFORM, Parameter
from training.hypersearch.trials import COMPLETED

# Of a drawing, in its own units: all of it, and its margins for words.
WIDTH, HEIGHT = 320.0, 170.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 10.0, 26.0
LONGEST_LABEL = 12

Row = dict[str, Any]
Place = Callable[[Any], float]


@dataclass(frozen=True)
class Axis:
    """Where values lie from left to right. Attributes: ticks: (place, words)."""

    place: Place
    ticks: list[tuple[float, str]]


def charts_of(rows: Sequence[Row], parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """Args: rows: as `training.hypersearch.queries.row_of` gives them.

    Returns: for each chart its title, its marks, its axes; nothing until two trials have a value.
    """
    known = [row for row in rows if row["value"] is not None]
    if len(known) < 2:
        return []
    height = scale(
        min(row["value"] for row in known),
        max(row["value"] for row in known),
        HEIGHT - BOTTOM,
        TOP,
    )
    order = chart("order of trials", known, by_order(rows), height, lambda row: row["number"])
    order["best"] = best_so_far(known, by_order(rows), height)
    return [
        order,
        *(
            chart(one.path, known, axis_of(one), height, lambda row, at=one.path: row["values"][at])
            for one in parameters
        ),
    ]


def chart(
    title: str, rows: Sequence[Row], axis: Axis, height: Place, across: Callable[[Row], Any]
) -> dict[str, Any]:
    values = [row["value"] for row in rows]
    return {
        "title": title,
        "marks": [
            {
                "x": axis.place(across(row)),
                "y": height(row["value"]),
                "number": row["number"],
                "completed": row["status"] == COMPLETED,
                "words": f"trial {row['number']}: {row['value']:.4g}",
            }
            for row in rows
        ],
        "ticks": [{"x": x, "words": words} for x, words in axis.ticks],
        "levels": [{"y": height(v), "words": f"{v:.4g}"} for v in (min(values), max(values))],
    }


def best_so_far(rows: Sequence[Row], axis: Axis, height: Place) -> str:
    """The lowest value of completed trials up to each one, as the points of a line."""
    points, lowest = [], math.inf
    for row in rows:
        if row["status"] != COMPLETED:
            continue
        if points:
            points.append((axis.place(row["number"]), height(lowest)))
        lowest = min(lowest, row["value"])
        points.append((axis.place(row["number"]), height(lowest)))
    return " ".join(f"{x},{y}" for x, y in points)


def by_order(rows: Sequence[Row]) -> Axis:
    last = max(row["number"] for row in rows)
    place = scale(1, last, LEFT, WIDTH - RIGHT)
    return Axis(place, [(place(1), "1"), (place(last), str(last))])


def axis_of(one: Parameter) -> Axis:
    if one.kind == CHOICE:
        position = scale(0, len(one.among) - 1, LEFT + 10, WIDTH - RIGHT - 10)
        shown = [one.among[0], one.among[-1]] if len(one.among) > 5 else one.among
        ticks = [(position(one.among.index(v)), short(v)) for v in shown]
        return Axis(lambda value: position(one.among.index(value)), ticks)
    low, high = one.among
    curve: Place = math.log if one.kind == LOGUNIFORM else float
    along = scale(curve(low), curve(high), LEFT, WIDTH - RIGHT)
    ticks = [(along(curve(value)), f"{value:.4g}") for value in (low, high)]
    return Axis(lambda value: along(curve(value)), ticks)


def scale(low: float, high: float, begin: float, end: float) -> Place:
    """From [low, high] to [begin, end]; the middle where both are one."""
    span = high - low

    def place(value: Any) -> float:
        share = (value - low) / span if span else 0.5
        return round(begin + share * (end - begin), 1)

    return place


def short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
