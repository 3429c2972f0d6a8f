"""What the scripts work out from an episode, asked in the browser that runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from live.templatetags import live_words
from tests.browser.conftest import Visits
from tests.live import episodes

Ask = Callable[..., Any]


@pytest.fixture
def ask(visits: Visits) -> Ask:
    """`ask("town/town.js", "isOpen", ...)` calls a function of a module."""
    page: Page = visits.open(None)
    page.goto("/accounts/login/")

    def call(module: str, function: str, *arguments: Any) -> Any:
        return page.evaluate(
            "async ([path, name, given]) => (await import(path))[name](...given)",
            [f"/static/js/{module}", function, list(arguments)],
        )

    return call


def test_hours_wrap_past_midnight(ask: Ask):
    bar = {"opens": 18, "closes": 28}
    hours = [hour for hour in range(24) if ask("town/town.js", "isOpen", bar, hour)]
    assert hours == [0, 1, 2, 3, 18, 19, 20, 21, 22, 23]
    job = {"opens": 8, "closes": 18}
    assert [ask("town/town.js", "isOpen", job, hour) for hour in (7, 8, 17, 18)] == [
        False,
        True,
        True,
        False,
    ]
    assert ask("town/town.js", "isOpen", {"opens": 0, "closes": 24}, 5)


def test_cascade_needs_a_low_source_and_living_ends(ask: Ask):
    cascades = [
        {"source": "mood", "target": "energy"},
        {"source": "mood", "target": "health"},
        {"source": "social", "target": "mood"},
    ]
    names = ["energy", "health", "mood", "social"]

    def pulled(values: list[float], active: list[str]) -> Any:
        layout = episodes.layout(meters=names, cascades=cascades, active_meters=active)
        return ask("town/town.js", "cascadesOf", {"layout": layout}, values)

    assert pulled([1, 1, 0.2, 0.9], names) == [{"source": "mood", "targets": ["energy", "health"]}]
    assert pulled([1, 1, 0.3, 0.9], names) == []
    assert pulled([1, 1, 0.2, 0.1], ["energy", "mood"]) == [
        {"source": "mood", "targets": ["energy"]}
    ]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("death: energy", "died of energy"),
        ("death: energy and health", "died of energy and health"),
        ("time limit", "reached the time limit"),
    ],
)
def test_end_of_a_life_in_words(ask: Ask, reason: str, words: str):
    assert ask("town/town.js", "endInWords", reason) == words


def test_transitions_come_most_frequent_first(ask: Ask):
    found = ask("town/affordances.js", "readTransitions", {"Bed>Job": 2, "Job>Bed": 5})
    assert found == [
        {"from": "Job", "to": "Bed", "times": 5},
        {"from": "Bed", "to": "Job", "times": 2},
    ]
    assert ask("town/affordances.js", "readTransitions", None) == []


def test_conditions_of_the_curriculum_are_judged_as_training_judges_them(ask: Ask):
    values = {
        "curriculum_dwell_steps": 1000,
        "curriculum_survival": 0.7,
        "curriculum_progress": 0.0,
        "curriculum_entropy": 0.5,
    }
    curriculum = {"advance_survival": 0.7, "entropy_below": 0.5, "dwell_steps": 1000}
    settings = {"training": {"curriculum": {"enabled": True, **curriculum}}}
    limits = ask("town/curriculum.js", "curriculumLimits", settings)
    assert limits == {"dwell": 1000, "survival": 0.7, "progress": -0.05, "entropy": 0.5}
    settings["training"]["curriculum"]["enabled"] = False
    assert ask("town/curriculum.js", "curriculumLimits", settings) == {}
    rows = ask("town/curriculum.js", "conditionRows", values, limits)
    # The stage advances above the bounds of survival and progress, not at them.
    assert [(row["name"], row["met"]) for row in rows] == [
        ("Steps at this stage", True),
        ("Survival", False),
        ("Progress", True),
        ("Entropy of its choices", False),
    ]
    assert ask("town/curriculum.js", "conditionRows", {"loss": 1}, limits) == []


@pytest.mark.parametrize(
    ("function", "given", "words"),
    [
        ("duration", 0.04, "0.0 s"),
        ("duration", 59, "59 s"),
        ("duration", 600, "10 min"),
        ("duration", 3 * 3600, "3 h"),
        ("short", 0.000123, "1.23e-4"),
        ("short", 12.3456, "12.3"),
        ("short", 42240, "42240"),
        ("short", 0, "0"),
        ("title", "LuxuryBed", "Luxury bed"),
        ("title", "MEDITATE", "Meditate"),
        ("listing", ["a", "b", "c"], "a, b and c"),
        ("count", 1234567, "1,234,567"),
    ],
)
def test_numbers_and_names_as_people_read_them(ask: Ask, function: str, given: Any, words: str):
    assert ask("live/words.js", function, given) == words


def test_long_numbers_are_spelled_alike_by_scripts_and_server(ask: Ask):
    for number in (0, 0.00012, 0.5, 12.3456, 999.4, 42240, 1234567):
        assert ask("live/words.js", "short", number) == live_words.short(number)
