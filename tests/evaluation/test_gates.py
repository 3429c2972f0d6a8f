"""The learning gates, each met and missed."""

from __future__ import annotations

import pytest
import torch

from hamlet.evaluation.evaluate import EpisodeResults
from hamlet.evaluation.gates import GATES, best_trivial, judge, median_run


def survived(mean: float, *, spread: float = 4.0, episodes: int = 100) -> EpisodeResults:
    """Results with exactly this mean; the spread is the same in each, so pairs differ evenly."""
    around = torch.linspace(-spread, spread, episodes, dtype=torch.float64)
    values = around + mean
    return EpisodeResults(values, values / 500, values >= 500, 500)


def noisy(mean: float, seed: int, episodes: int = 100) -> EpisodeResults:
    noise = torch.randn(episodes, generator=torch.Generator().manual_seed(seed)) * 100
    values = noise.double() - noise.double().mean() + mean
    return EpisodeResults(values, values / 500, values >= 500, 500)


SCRIPTS = {
    "random_legal": survived(135),
    "idle": survived(191),
    "rest_only": survived(247),
    "heuristic": survived(400),
}


def verdicts(level: str, trained: EpisodeResults, **others: EpisodeResults) -> dict[str, bool]:
    return {v.gate: v.met for v in judge(level, trained, SCRIPTS | others)}


def test_every_shipped_level_has_gates() -> None:
    assert set(GATES) == {"L0", "L0.5", "L1", "L2", "L3"}


@pytest.mark.parametrize(("mean", "met"), [(400, True), (392.1, True), (391.9, False), (900, True)])
def test_l0_asks_for_the_heuristic_less_two_per_cent(mean: float, met: bool) -> None:
    for level in ("L0", "L0.5"):
        assert verdicts(level, survived(mean)) == {"at least the heuristic": met}


def test_doubt_counts_against_the_agent() -> None:
    # The mean is just the heuristic's, but single episodes differ by hundreds of steps.
    assert verdicts("L0", noisy(400, 1)) == {"at least the heuristic": False}


@pytest.mark.parametrize(
    ("mean", "beats", "share"),
    [(290, True, True), (270, True, False), (246, False, False)],
)
def test_l1_asks_for_more_than_the_best_trivial_script_and_a_share_of_the_heuristic(
    mean: float, beats: bool, share: bool
) -> None:
    expected = {"better than rest_only": beats, "70% of the heuristic": share}
    assert verdicts("L1", survived(mean)) == expected


def test_l2_asks_to_beat_the_feedforward_agent_too() -> None:
    found = verdicts("L2", survived(260), feedforward=survived(255))
    assert found == {
        "better than rest_only": True,
        "60% of the heuristic": True,
        "better than the feedforward agent": True,
    }
    worse = verdicts("L2", survived(260), feedforward=survived(261))
    assert worse["better than the feedforward agent"] is False


def test_l3_asks_for_half_and_names_the_group_to_take_away() -> None:
    assert verdicts("L3", survived(250))["50% of the heuristic"] is True
    assert GATES["L3"].ablated_group == "clock"


def test_what_was_not_measured_is_not_met() -> None:
    for level in GATES:
        found = judge(level, survived(499), {})
        assert found
        assert not any(verdict.met for verdict in found)
        assert all("not measured" in str(verdict) for verdict in found)
    partly = {"idle": survived(191), "rest_only": survived(247)}
    assert best_trivial(partly) is None


def test_a_verdict_says_what_was_asked_and_found() -> None:
    (verdict,) = judge("L0", survived(300), SCRIPTS)
    assert str(verdict).startswith("NOT MET: at least the heuristic: lower bound")
    assert "-100" in str(verdict)
    data = verdict.to_data()
    assert data["met"] is False
    assert data["measured"]["mean"] == pytest.approx(-100)


def test_the_median_of_three_runs_is_judged() -> None:
    assert median_run([survived(300), survived(100), survived(200)]) == 2
    assert median_run([survived(300), survived(100)]) == 1
    with pytest.raises(ValueError, match="train at least one"):
        median_run([])
