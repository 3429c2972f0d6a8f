"""Rows of the learning report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.learning.training import Story, Task
from benchmarks.report import Cell, Table
from hamlet.evaluation.evaluate import EpisodeResults
from hamlet.evaluation.gates import Verdict
from hamlet.evaluation.statistics import mean_interval

CURVE_SHOWN = 10


def agent_row(
    name: str,
    task: Task | None,
    story: Story | None,
    results: EpisodeResults,
    long: EpisodeResults | None,
) -> dict[str, Cell]:
    """One agent: how long it lived, what it earned, what its training took."""
    return {
        "agent": name,
        "seed": task.seed if task else None,
        "survival": str(mean_interval(results.survival)),
        "extrinsic per step": str(mean_interval(results.extrinsic_per_step)),
        "reached the limit, %": 100 * float(results.reached_limit.double().mean()),
        "long: survival": str(mean_interval(long.survival)) if long else None,
        "long: reached, %": 100 * float(long.reached_limit.double().mean()) if long else None,
        "episodes": f"{story.episodes:,}" if story else None,
        "env steps": f"{story.env_steps:,}" if story else None,
        "wall s": story.wall_s if story else None,
        "CPU s": story.cpu_s if story else None,
    }


def gate_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Cell]]:
    return [
        {
            "gate": verdict.gate,
            "verdict": "met" if verdict.met else "NOT met",
            "asked": verdict.asked,
            "measured [95 %]": str(verdict.measured) if verdict.measured else "not measured",
        }
        for verdict in verdicts
    ]


def curve_table(level: str, stories: Mapping[Task, Story]) -> Table:
    """Mean survival along each training, thinned to CURVE_SHOWN columns."""
    table = Table(f"{level}: mean survival along the training, exploring", notes=CURVE_NOTES)
    for task, story in stories.items():
        row: dict[str, Cell] = {"training": task.name}
        every = max(1, len(story.survival) // CURVE_SHOWN)
        for first in range(0, len(story.survival), every):
            part = story.survival[first : first + every]
            share = (first + len(part)) / len(story.survival)
            row[f"to {share:.0%}"] = sum(part) / len(part)
        table.rows.append(row)
    return table


CURVE_NOTES = ["each cell: the episodes up to that share of the budget, since the cell before"]
