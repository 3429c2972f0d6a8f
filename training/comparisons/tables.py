"""From what is known of versions to the tables of a comparison, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from registry.comparing.differences import metric_of

if TYPE_CHECKING:
    import numpy as np

    from hamlet.evaluation.connect_four import Mistakes

KINDS = ("wdl", "score")  # of mistakes, see hamlet.evaluation.connect_four
RESAMPLES = 2_000
Values = Mapping[str, Mapping[str, float]]
Measured = Mapping[str, Mapping[str, "Mistakes"]]


def measured_name(set_name: str, kind: str) -> str:
    """`begin-easy.wdl_error`: the share of the set's positions where the choice is a mistake."""
    return f"{set_name}.{kind}_error"


def measured_names(sets: Iterable[str]) -> list[str]:
    return [measured_name(name, kind) for name in sets for kind in KINDS]


def comparison_tables(
    ids: Sequence[str], registered: Values, measured: Measured, wanted: set[str]
) -> dict[str, Any]:
    """What the job answers.

    Args:
        registered: metrics by id. measured: by id and set, of those that could be measured.
        wanted: names of metrics.
    Returns: `models` with a statistic for each metric, `metrics` with the best, `differences` of
        each pair: exact for registered metrics, and for measured ones with a 95 % bootstrap
        interval over the same positions.
    """
    statistics = {
        one: registered_statistics(registered[one], wanted)
        | measured_statistics(measured.get(one, {}), wanted)
        for one in ids
    }
    names = sorted({name for found in statistics.values() for name in found})
    return {
        "models": [
            {"id": one, "measured": one in measured, "metrics": statistics[one]} for one in ids
        ],
        "metrics": [summary(name, ids, statistics) for name in names],
        "differences": [
            difference(pair, name, statistics, measured)
            for name in names
            for pair in combinations(ids, 2)
            if all(name in statistics[one] for one in pair)
        ],
    }


def registered_statistics(values: Mapping[str, float], wanted: set[str]) -> dict[str, Any]:
    return {
        name: {"value": value, "low": None, "high": None, "n": None}
        for name, value in values.items()
        if name in wanted
    }


def measured_statistics(found: Mapping[str, Mistakes], wanted: set[str]) -> dict[str, Any]:
    """Shares with Wilson's 95 % interval, and of how many positions."""
    statistics = {}
    for set_name, of_set in found.items():
        for kind in KINDS:
            interval = getattr(of_set.all, kind)
            if measured_name(set_name, kind) in wanted and interval is not None:
                statistics[measured_name(set_name, kind)] = {
                    "value": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "n": of_set.all.positions,
                }
    return statistics


def summary(name: str, ids: Sequence[str], statistics: Mapping[str, Any]) -> dict[str, Any]:
    metric = metric_of(name, [statistics[one].get(name, {}).get("value") for one in ids])
    return {
        "name": name,
        "better": "lower" if metric.less_is_better else "higher",
        "best": [ids[place] for place in metric.best],
    }


def difference(
    pair: tuple[str, str], name: str, statistics: Mapping[str, Any], measured: Measured
) -> dict[str, Any]:
    """Of the first less the second."""
    one, other = pair
    value = statistics[one][name]["value"] - statistics[other][name]["value"]
    data = {"metric": name, "a": one, "b": other, "difference": value, "low": None, "high": None}
    ours, theirs = (by_position(measured.get(which, {}), name) for which in pair)
    if ours is not None and theirs is not None:
        data["low"], data["high"] = paired_bounds(ours, theirs)
    return data


def by_position(found: Mapping[str, Mistakes], name: str) -> np.ndarray | None:
    """bool [N]: position by position; None for a metric that was not measured."""
    for set_name, of_set in found.items():
        for kind in KINDS:
            if measured_name(set_name, kind) == name:
                return getattr(of_set, kind)
    return None


def paired_bounds(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    import torch

    from hamlet.evaluation.statistics import paired_difference

    tensors = [torch.from_numpy(one).double() for one in (ours, theirs)]
    interval = paired_difference(*tensors, resamples=RESAMPLES)
    return interval.low, interval.high
