"""Every operator and every kind of field, each with an answer worked out by hand."""

from __future__ import annotations

import pytest

from registry.models import ModelVersion

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("metrics.loss = 1", "one"),
        ("metrics.loss = 1.0", "one"),
        ("metrics.loss = 10e-1", "one"),
        ("metrics.loss != 1", "two"),
        ("metrics.loss < 2", "one"),
        ("metrics.loss <= 2", "one two"),
        ("metrics.loss > 1", "two"),
        ("metrics.loss >= 1", "one two"),
        ("metrics.loss IN (1, 3)", "one"),
        ("metrics.loss NOT IN (1, 3)", "two"),
        ("NOT metrics.loss IN (1, 3)", "two none"),
        ("NOT metrics.loss = 1", "two none"),
        ("NOT metrics.loss != 1", "one none"),
        ("NOT NOT metrics.loss = 1", "one"),
        ("EXISTS metrics.loss", "one two"),
        ("NOT EXISTS metrics.loss", "none"),
        ("not (metrics.loss > 1 or metrics.loss < 2)", "none"),
        ("metrics.loss = 1 OR metrics.loss = 2 AND metrics.loss = 3", "one"),
        ("(metrics.loss = 1 OR metrics.loss = 2) AND metrics.loss >= 2", "two"),
        ("metrics.loss=1 or metrics.loss=2", "one two"),
        ("", "one two none"),
        (" \t\n", "one two none"),
    ],
)
def test_numbers_and_what_joins_them(keep, find, query, expected):
    keep("one", metrics={"loss": 1})
    keep("two", metrics={"loss": 2.0})
    keep("none")
    assert find(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tags.team = 'blue'", "a"),
        ('tags.team = "blue"', "a"),
        ("tags.team != 'blue'", "b c"),
        ("tags.team LIKE 'bl%'", "a c"),
        ("tags.team LIKE 'b____'", "c"),
        ("tags.team LIKE '%\\%%'", "c"),
        ("tags.team LIKE '%\\_%'", ""),
        ("tags.team NOT LIKE 'bl%'", "b"),
        ("tags.team ILIKE 'BL%'", "a b c"),
        ("tags.team NOT ILIKE 'BL%'", ""),
        ("tags.team < 'a'", "b"),
        ("tags.team >= 'bl%ue'", "a c"),
        ("tags.team IN ('blue', 'Blue')", "a b"),
        ("tags.`team` = 'blue'", "a"),
        ("EXISTS tags.team", "a b c"),
        ("tags.it.s = 'it''s'", "d"),
        ('tags."it.s" = "it\'s"', "d"),
    ],
)
def test_texts(keep, find, query, expected):
    keep("a", tags={"team": "blue"})
    keep("b", tags={"team": "Blue"})
    keep("c", tags={"team": "bl%ue"})
    keep("d", tags={"it.s": "it's"})
    assert find(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("params.x = 1", "number"),
        ("params.x = '1'", "text"),
        ("params.x = true", "flag"),
        ("params.x != 2", "number"),
        ("params.x != '2'", "text"),
        ("params.x != false", "flag"),
        ("params.x > 0", "number"),
        ("params.x > '0'", "text"),
        ("params.x LIKE '_'", "text"),
        ("params.x IN (1, '1', true)", "number text flag"),
        ("EXISTS params.x", "number text flag tree"),
        ("params.x.y = 5", "tree"),
        ("params.x.y > 4 AND params.x.z.0 = 'deep'", "tree"),
        ("params.x.`a.b` = 1", "tree"),
        ("NOT params.x = 1", "text flag null tree"),
    ],
)
def test_parameters_are_compared_with_their_own_type(keep, find, query, expected):
    keep("number", params={"x": 1})
    keep("text", params={"x": "1"})
    keep("flag", params={"x": True})
    keep("null", params={"x": None})
    keep("tree", params={"x": {"y": 5, "z": ["deep"], "a.b": 1}})
    assert find(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("created = '2026-11-02'", "day2"),
        ("created != '2026-11-02'", "day1 day3"),
        ("created > '2026-11-02'", "day3"),
        ("created >= '2026-11-02'", "day2 day3"),
        ("created < '2026-11-02'", "day1"),
        ("created <= '2026-11-02'", "day1 day2"),
        ("created = '2026-11-02T23:00:00Z'", "day2"),
        ("created > '2026-11-02T23:00:00Z'", "day3"),
        ("created >= '2026-11-03T00:59:00+02:00'", "day2 day3"),
        ("created IN ('2026-11-01', '2026-11-03')", "day1 day3"),
        ("created < '9999-12-30'", "day1 day2 day3"),
    ],
)
def test_a_date_is_its_whole_day(keep, find, query, expected):
    for name, hours in (("day1", 1), ("day2", 47), ("day3", 50)):
        keep(name, hours=hours)
    assert find(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("version = '1.2.0'", "v2"),
        ("version >= '1.2.0'", "v2 v10"),
        ("version < '1.10.0'", "v0 v2"),
        ("version IN ('1.0.0', '1.10.0')", "v0 v10"),
        ("version > '0.99.99'", "v0 v2 v10"),
    ],
)
def test_versions_are_ordered_by_their_numbers(keep, find, query, expected):
    for number in range(11):
        keep(f"v{number}", owner="ada" if number in (0, 2, 10) else None)
    assert find(f"owner = 'ada' AND {query}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alias = 'best'", "both"),
        ("alias IN ('best', 'new')", "both new"),
        ("alias LIKE 'b%' AND alias LIKE 'w%'", "both"),
        ("NOT alias = 'best'", "new none"),
        ("EXISTS alias", "both new"),
        ("NOT EXISTS alias", "none"),
    ],
)
def test_a_version_may_have_several_aliases(keep, find, query, expected):
    keep("both", alias=["best", "worst"])
    keep("new", alias=["new"])
    keep("none")
    assert find(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rover", "rover Rover-2"),
        ("'rover'", "rover Rover-2"),
        ("over-2", "Rover-2"),
        ("'%'", "100%"),
        ("'_'", ""),
        ("שלום", "שלום"),
        ("'🦊'", "🦊"),
        ("rover AND NOT '-'", "rover"),
        ("name = 'rover 0'", "rover"),
        ("status = 'archived'", "100%"),
        ("format = 'onnx'", "שלום"),
        ("owner = 'ada'", "🦊"),
        ("NOT owner = 'ada'", "rover Rover-2 100% שלום"),
        ("EXISTS owner", "🦊"),
        ("system = 'town' AND class = 'x'", ""),
    ],
)
def test_words_and_columns(keep, find, query, expected):
    keep("rover")
    keep("Rover-2")
    keep("100%", status="archived")
    keep("שלום", format="onnx")
    keep("🦊", owner="ada")
    assert find(query) == expected


def test_lineage_and_level_are_searched(keep, find):
    version = keep("a")
    ModelVersion.objects.create(
        model=version.model,
        major=2,
        minor=7,
        patch=0,
        artifact=version.artifact,
        signature={},
        brain_spec_hash="",
        layout_hash="",
        lineage={"level": "L1", "dataset": {"rows": 5}},
    )
    assert find("level = 'L1' AND lineage.dataset.rows > 4") == "a"
    assert find("level = 'L2'") == ""
    assert find("level LIKE 'L_' AND version = '2.7.0'") == "a"
