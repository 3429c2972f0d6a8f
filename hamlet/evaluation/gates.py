"""What a trained agent must reach on each level, as a table, and the verdict on it.

A gate that could not be measured is not met. Every verdict carries the interval it rests on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hamlet.envs.town.policies import TRIVIAL
from hamlet.evaluation.evaluate import EpisodeResults
from hamlet.evaluation.statistics import Interval, paired_difference

HEURISTIC = "heuristic"
FEEDFORWARD = "feedforward"


@dataclass(frozen=True)
class LevelGates:
    """What mean survival on a level must fulfil; None where the level does not ask for it.

    Attributes:
        heuristic_margin: the interval of (trained - heuristic) must not reach lower than minus
            this share of the heuristic's mean.
        beats_trivial: the interval of (trained - best trivial script) must lie above 0.
        heuristic_share: of the heuristic's mean that the trained mean must reach.
        beats_feedforward: the interval of (trained - feedforward agent) must lie above 0.
        ablated_group: observation group whose worth is reported beside the verdict.
    """

    heuristic_margin: float | None = None
    beats_trivial: bool = False
    heuristic_share: float | None = None
    beats_feedforward: bool = False
    ablated_group: str | None = None


GATES = {
    "L0": LevelGates(heuristic_margin=0.02),
    "L0.5": LevelGates(heuristic_margin=0.02),
    "L1": LevelGates(beats_trivial=True, heuristic_share=0.7),
    "L2": LevelGates(beats_trivial=True, heuristic_share=0.6, beats_feedforward=True),
    "L3": LevelGates(beats_trivial=True, heuristic_share=0.5, ablated_group="clock"),
}


@dataclass(frozen=True)
class Verdict:
    """One gate: what was asked, what was measured, and whether that is enough."""

    gate: str
    met: bool
    asked: str
    measured: Interval | None

    def to_data(self) -> dict[str, Any]:
        return {
            "gate": self.gate,
            "met": self.met,
            "asked": self.asked,
            "measured": self.measured.to_data() if self.measured else None,
        }

    def __str__(self) -> str:
        found = f"found {self.measured}" if self.measured else "not measured"
        return f"{'met' if self.met else 'NOT MET'}: {self.gate}: {self.asked}; {found}"


def median_run(runs: Sequence[EpisodeResults]) -> int:
    """Index of the run with the median mean survival; of an even number the lower of the two.

    Raises: ValueError if there are none.
    """
    if not runs:
        raise ValueError("found no runs; train at least one before judging")
    ranked = sorted(range(len(runs)), key=lambda index: runs[index].mean_survival)
    return ranked[(len(runs) - 1) // 2]


def best_trivial(scripts: Mapping[str, EpisodeResults]) -> str | None:
    """Name of the trivial script that survives longest; None unless all of them were played."""
    if not all(name in scripts for name in TRIVIAL):
        return None
    return max(TRIVIAL, key=lambda name: scripts[name].mean_survival)


def judge(
    level: str,
    trained: EpisodeResults,
    others: Mapping[str, EpisodeResults],
    *,
    seed: int = 0,
) -> list[Verdict]:
    """Judge the median run of a shipped level.

    Args:
        trained: its results. others: results on the same episodes by name: the scripts, and
            `feedforward` for the feedforward agent trained on the same observations.
        seed: of the bootstrap.

    Returns: one verdict for each gate of the level. Raises: KeyError for a level without gates.
    """
    gates = GATES[level]
    verdicts = []
    if gates.heuristic_margin is not None:
        verdicts.append(no_worse_than_heuristic(trained, others, gates.heuristic_margin, seed))
    if gates.beats_trivial:
        name = best_trivial(others)
        label = name or "the best trivial script"
        verdicts.append(better(trained, others.get(name or ""), label, seed))
    if gates.heuristic_share is not None:
        verdicts.append(share_of_heuristic(trained, others, gates.heuristic_share, seed))
    if gates.beats_feedforward:
        verdicts.append(better(trained, others.get(FEEDFORWARD), "the feedforward agent", seed))
    return verdicts


def better(trained: EpisodeResults, other: EpisodeResults | None, name: str, seed: int) -> Verdict:
    """Survives longer than `other`, beyond doubt."""
    asked = f"lower bound of (trained - {name}) above 0 steps"
    difference = None
    if other is not None:
        difference = paired_difference(trained.survival, other.survival, seed=seed)
    met = difference is not None and difference.low > 0
    return Verdict(f"better than {name}", met, asked, difference)


def no_worse_than_heuristic(
    trained: EpisodeResults, others: Mapping[str, EpisodeResults], margin: float, seed: int
) -> Verdict:
    heuristic = others.get(HEURISTIC)
    if heuristic is None:
        asked = f"lower bound of (trained - heuristic) at least -{margin:.0%} of the heuristic"
        return Verdict("at least the heuristic", False, asked, None)
    difference = paired_difference(trained.survival, heuristic.survival, seed=seed)
    least = -margin * heuristic.mean_survival
    asked = f"lower bound of (trained - heuristic) at least {least:.4g} steps"
    return Verdict("at least the heuristic", difference.low >= least, asked, difference)


def share_of_heuristic(
    trained: EpisodeResults, others: Mapping[str, EpisodeResults], share: float, seed: int
) -> Verdict:
    """Mean survival against a share of the heuristic's; the interval is of the difference."""
    name = f"{share:.0%} of the heuristic"
    heuristic = others.get(HEURISTIC)
    if heuristic is None:
        return Verdict(name, False, f"mean of (trained - {name}) at least 0 steps", None)
    wanted = heuristic.survival.double() * share
    difference = paired_difference(trained.survival, wanted, seed=seed)
    asked = f"mean of (trained - {name}) at least 0 steps"
    return Verdict(name, difference.mean >= 0, asked, difference)
