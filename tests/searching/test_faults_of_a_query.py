"""Where a query is wrong, what stands there, what was expected."""

from __future__ import annotations

import pytest

from registry.searching.compiling import condition
from registry.searching.errors import SearchError
from registry.searching.tables import MODELS, VERSIONS
from training.searching import RUNS


def fault(query: str, fields=VERSIONS) -> SearchError:
    with pytest.raises(SearchError) as caught:
        condition(query, fields)
    return caught.value


@pytest.mark.parametrize(
    ("query", "position", "words"),
    [
        ("stats = 3", 1, "did you mean status?"),
        ("metric.loss > 1", 1, "did you mean metrics?"),
        ("status = 'validatd'", 10, "did you mean validated?"),
        ("status IN ('staged', 'x')", 22, "expected one of registered"),
        ("metrics.loss > 'abc'", 16, "expected a number"),
        ("metrics.loss = true", 16, "expected a number"),
        ("metrics.loss LIKE 'x%'", 1, "it is a number"),
        ("tags.team > 3", 13, "expected a text in quotes"),
        ("name = 3", 8, "expected a text in quotes"),
        ("name = rover", 8, "a text stands in quotes: 'rover'"),
        ("name LIKE 3", 11, "expected a text in quotes"),
        ("params.x > true", 1, "true and false have no order"),
        ("params.x LIKE 3", 15, "expected a text in quotes"),
        ("alias != 'best'", 1, "put NOT before the field"),
        ("alias NOT IN ('a')", 1, "put NOT before the field"),
        ("version = '1.2'", 11, "such as '1.2.0'"),
        ("version = 1.2", 11, "such as '1.2.0'"),
        ("version LIKE '1.%'", 1, "it is a version number"),
        ("version = '1.2.99999999999'", 11, "such as '1.2.0'"),
        ("created > 5", 11, "expected a date or time in quotes"),
        ("created > '2026-13-01'", 11, "expected a date or time"),
        ("created > '2026-02-30T00:00'", 11, "expected a date or time"),
        ("created > '9999-12-31'", 11, "expected a date or time"),
        ("created > '0001-01-01T00:00:00+23:00'", 11, "expected a date or time"),
        ("created LIKE '2026%'", 1, "it is a time"),
        ("name", 1, "expected a comparison"),
        ("metrics = 3", 1, "expected metrics. and a name"),
        ("status.x = 'a'", 1, "expected status without a dot"),
        ("metrics.``  = 3", 1, "expected metrics. and a name"),
        ("metrics. = 3", 8, "a dot with nothing behind it"),
        ("metrics.loss", 13, "found the end; expected =, !="),
        ("metrics.loss >", 15, "found the end; expected a number"),
        ("metrics.loss > 1 AND", 21, "found the end; expected a field"),
        ("metrics.loss > 1 metrics.x > 2", 18, "AND stands between two conditions"),
        ("a b", 3, "AND stands between two conditions"),
        ("(name = 'a'", 12, "expected ) for the ( at character 1"),
        ("name = 'a')", 11, "found ); expected AND, OR or the end"),
        ("()", 2, "found ); expected a field"),
        ("NOT", 4, "found the end"),
        ("EXISTS", 7, "expected a field after EXISTS"),
        ("EXISTS 'x'", 8, "expected a field after EXISTS"),
        ("name IN 'a'", 9, "expected ( after IN"),
        ("name IN ()", 10, "found ); expected a number, a text"),
        ("name IN ('a' 'b')", 14, "expected , or )"),
        ("name NOT = 'a'", 10, "expected IN, LIKE or ILIKE after name"),
        ("name == 'a'", 6, "found ==; write ="),
        ("name <> 'a'", 6, "found <>; write !="),
        ("a && b", 3, "found &&; write AND"),
        ("a || b", 3, "found ||; write OR"),
        ("!a", 1, "found !; write NOT"),
        ("name = 'a", 8, "never closed"),
        ("metrics.`x", 9, "never closed"),
        ("metrics.x = 1.2.3", 13, "put quotes around a text: '1.2.3'"),
        ("metrics.x = 3abc", 13, "put quotes around a text: '3abc'"),
        ("metrics.x = 1e999", 13, "a number of ordinary size"),
        ("metrics.x = " + "9" * 100, 13, "a number of ordinary size"),
        ("name = 'a\\' OR name LIKE 'a\\'", 26, "after the last \\"),
        ("''", 1, "found an empty text"),
        ("# x", 1, "found #; expected a field"),
        ("name = 'a'; DROP TABLE x", 11, "found ;"),
        ("\u202ename", 1, "\\u202e"),
        ("name = 'a\x00'", 8, "NUL"),
        ("name = '\ud800'", 8, "half a character"),
        ("description LIKE 'x'", 1, "that is a field of models"),
    ],
)
def test_the_place_and_the_remedy_are_told(query, position, words):
    error = fault(query)
    assert words in error.message
    assert error.position == position
    (problem,) = error.problems
    assert (problem.path, problem.position) == ("q", position)


@pytest.mark.parametrize(
    ("query", "fields", "words"),
    [
        ("metrics.x > 1", MODELS, "these belong to versions"),
        ("tags.x = 'a'", RUNS, "runs have no tags"),
        ("seed = 3", RUNS, "params.seed"),
        ("done = 'x'", RUNS, "expected a number"),
        ("done LIKE 'x'", RUNS, "it is a number"),
    ],
)
def test_a_field_of_another_table_is_pointed_at(query, fields, words):
    assert words in fault(query, fields).message


def test_the_faulty_word_is_shown_within_the_query():
    excerpt = fault("status = 'x' AND name = 'y'").excerpt
    assert (excerpt.before, excerpt.word, excerpt.after) == ("status = ", "'x'", " AND name = 'y'")
    assert excerpt.caret == " " * 9 + "^^^"


def test_the_caret_stands_under_the_word_behind_wide_characters():
    excerpt = fault("'🦊' AND stats = 1").excerpt
    assert excerpt.caret.index("^") == len("'🦊' AND ") + 1


def test_a_long_query_is_shown_around_its_fault():
    excerpt = fault(f"name = '{'x' * 500}' AND stats = 1 AND name = '{'y' * 500}'").excerpt
    assert excerpt.word == "stats"
    assert len(excerpt.before) < 100
    assert len(excerpt.after) < 100


def test_what_turns_a_line_around_is_not_shown():
    excerpt = fault("name = '\u202eabc' AND stats = 1").excerpt
    assert "\u202e" not in excerpt.before
    assert "\n" not in fault("name = 'a\nb' AND stats = 1").excerpt.before
