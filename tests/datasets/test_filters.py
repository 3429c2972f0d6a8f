"""Every filter removes what it should, and says how much."""

from datetime import UTC, datetime

import numpy as np
import pytest

from hamlet.datasets.filters import Filters
from hamlet.datasets.games import Player
from hamlet.datasets.options import read_options
from hamlet.datasets.rows import empty_rows
from hamlet.errors import SpecError
from tests.datasets.random_games import HUMAN, game

GAMES = [
    game("1212121", 1, id="short"),
    game("1" * 5, 1, id="human", red=HUMAN, played_at=datetime(2030, 1, 1, tzinfo=UTC)),
    game("1" * 9, 1, id="self", source="self_play", played_at=datetime(2031, 6, 1, tzinfo=UTC)),
    game("1" * 40, 1, id="rated", red=Player(rating=2000), yellow=Player(rating=1600)),
    game("1" * 41, 1, id="uneven", red=Player(rating=2000), yellow=Player(rating=900)),
]


def of_games(**settings) -> tuple[list[str], list[dict]]:
    filters = Filters(read_options({"filters": settings})["filters"])
    kept = [one.id for one in GAMES if filters.keeps(one)]
    return kept, filters.report()


def of_rows(rows: np.ndarray, **settings) -> tuple[np.ndarray, list[dict]]:
    filters = Filters(read_options({"filters": settings})["filters"])
    return filters.left(rows), filters.report()


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"min_length": 9}, ["self", "rated", "uneven"]),
        ({"min_rating": 1501}, ["rated"]),
        ({"min_rating": 1500}, ["short", "human", "self", "rated"]),  # unrated counts as 1500
        ({"include_human_games": False}, ["short", "self", "rated", "uneven"]),
        ({"include_self_play": False}, ["short", "human", "rated", "uneven"]),
        ({"date_range": {"from": "2030-01-01"}}, ["human", "self"]),
        ({"date_range": {"from": "2030-01-02", "to": "2032-01-01T00:00:00Z"}}, ["self"]),
        ({"date_range": {"to": "2030-01-01"}}, ["short", "human", "rated", "uneven"]),
        ({"game_ids": ["self", "short", "unknown"]}, ["short", "self"]),
    ],
)
def test_filter_of_games_keeps_what_it_should_and_reports(settings, kept):
    found, report = of_games(**settings)
    assert found == kept
    name = next(iter(settings))
    assert report == [{"filter": name, "unit": "games", "removed": len(GAMES) - len(kept)}]


def test_a_game_is_counted_by_the_first_filter_that_removes_it():
    _, report = of_games(min_length=9, min_rating=1501)
    assert [(entry["filter"], entry["removed"]) for entry in report] == [
        ("min_rating", 4),
        ("min_length", 0),
    ]


def test_filters_that_were_not_asked_for_are_not_reported():
    assert of_games() == ([one.id for one in GAMES], [])
    assert of_games(min_length=1)[1] == [{"filter": "min_length", "unit": "games", "removed": 0}]


def rows_with(**columns) -> np.ndarray:
    rows = empty_rows(len(next(iter(columns.values()))))
    for name, values in columns.items():
        rows[name] = values
    return rows


UNIFORM, ONE_HOT, NONE = [1 / 7] * 7, [1, 0, 0, 0, 0, 0, 0], [0] * 7


@pytest.mark.parametrize(
    ("settings", "columns", "kept"),
    [
        ({"min_weight": 0.8}, {"weight": [0.5, 0.8, 1.5]}, [1, 2]),
        ({"min_policy_entropy": 0.5}, {"policy": [UNIFORM, ONE_HOT, NONE]}, [0, 2]),
        ({"max_policy_entropy": 0.5}, {"policy": [UNIFORM, ONE_HOT, NONE]}, [1, 2]),
        ({"max_value_spread": 0.3}, {"spread": [0, 0.3, 2]}, [0, 1]),
        ({"max_abs_value": 0.9}, {"value": [-1, 0.9, -0.9, 1]}, [1, 2]),
    ],
)
def test_filter_of_examples_keeps_what_it_should_and_reports(settings, columns, kept):
    rows = rows_with(**columns)
    rows["game"] = np.arange(len(rows))
    left, report = of_rows(rows, **settings)
    assert left["game"].tolist() == kept
    name = next(iter(settings))
    removed = len(rows) - len(kept)
    assert report == [{"filter": name, "unit": "examples", "removed": removed}]


def test_entropy_is_in_nats():
    policy = [[0.5, 0.5, 0, 0, 0, 0, 0]]  # ln 2 = 0.693
    assert len(of_rows(rows_with(policy=policy), min_policy_entropy=0.69)[0]) == 1
    assert len(of_rows(rows_with(policy=policy), min_policy_entropy=0.70)[0]) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_weight": -1}, "options.filters.min_weight: found -1"),
        ({"min_length": 43}, "options.filters.min_length: found 43"),
        ({"max_length": 3}, "options.filters.max_length: unknown field"),
        ({"min_policy_entropy": 1, "max_policy_entropy": 0.5}, "nothing would be left"),
        ({"date_range": {"from": "soon"}}, "options.filters.date_range.from: found 'soon'"),
        ({"date_range": {"from": "2031-01-01", "to": "2030-01-01"}}, "nothing would be left"),
        ({"game_ids": "g1"}, "options.filters.game_ids: found 'g1'; expected a list"),
    ],
)
def test_settings_without_sense_are_refused(settings, message):
    with pytest.raises(SpecError) as caught:
        read_options({"filters": settings})
    assert message in str(caught.value)
