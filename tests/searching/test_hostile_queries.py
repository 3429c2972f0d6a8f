"""Queries made to hurt: refused or answered within a moment, never a 500, nothing widened."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.models import ModelVersion
from registry.searching.bounded import bounded
from registry.searching.compiling import condition
from registry.searching.errors import SearchError
from registry.searching.parsing import parse
from registry.searching.tables import VERSIONS
from tests.registry.conftest import model, register, version  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
LISTS = ("/api/v1/versions", "/api/v1/models", "/api/v1/runs")
PAGES = ("/models/", "/models/versions/", "/")
HOSTILE = [
    " OR ".join(f"name = 'x{n}'" for n in range(10_000)),
    " OR ".join(["a"] * 201),
    "name IN (" + ", ".join(["'a'"] * 250) + ")",
    "(" * 3000 + "a" + ")" * 3000,
    "(" * 1900 + "a" + ")" * 1900,
    "(" * 51 + "a" + ")" * 51,
    "NOT " * 900 + "a",
    "name = '" + "\\" * 3000 + "'",
    "name LIKE '" + "%a" * 1000 + "b'",
    "name LIKE '" + "%_" * 1000 + "'",
    "name LIKE '%" + "\\%" * 1000 + "'",
    "'" * 3999,
    "`" * 3999,
    "." * 3999,
    "a." * 1999 + "a = 1",
    "metrics." + "a." * 1900 + "a = 1",
    "params." + "a." * 1900 + "a = 1",
    "params." + ".".join(["`" + "x" * 900 + "`"] * 4) + " = 1",
    "1" * 4000,
    "-" * 4000,
    "!" * 4000,
    "name = 'a' OR 1=1",
    "name = 'a' OR '1'='1'",
    "' OR 1=1 --",
    "'; DROP TABLE registry_modelversion; --",
    "name = 'a'' OR ''1''=''1'",
    "name = 'a\\' OR 1=1 --'",
    "name /**/ = 'a'",
    "name = 'a' UNION SELECT * FROM registry_user",
    "owner__password LIKE 'p%'",
    "owner.password LIKE 'p%'",
    "registered_by__password = 'x'",
    "pk > 0",
    "name__regex = '(a+)+$'",
    "name = '{{ settings.SECRET_KEY }}'",
    "metrics.`x' OR 1=1 --` > 0",
    "tags.`}'::jsonb OR true --` = 'x'",
    "params.`$.a[*] ? (@ > 0)` = 1",
    "tags.x = '%s %(x)s %%'",
    "name = '%s' AND name LIKE '%(name)s'",
    "🦊🦊🦊",
    "'\u202e\u2066\u200f'",
    "name = 'ﷺ' AND 'שלום' OR name = 'مرحبا'",
    "name = '\ufeff\u200b'",
    "name\u00a0=\u00a0'a'",
    "nａme = 'x'",
    "name ＝ 'x'",
    "metrics.x = ٣",
    "created = '٢٠٢٦-١١-٢٠'",
    "created = '2026-11-20T10:00:00+99:99'",
    "version = '١.٢.٣'",
    "metrics.x = 1e-400",
    "metrics.x = 1e308 AND metrics.x > -1e308",
    "metrics.x = .",
    "metrics.x = 0x10",
    "metrics.x = NaN",
    "metrics.x = -Infinity",
    "done = 99999999999999999999999",
    "params.seed = 99999999999999999999999.5",
    "name = null",
    "SELECT",
    "AND AND AND",
    "\t\r\n\x0b\x0c\x1c\u2028",
]


def signed_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.parametrize("address", [*LISTS, *PAGES])
def test_every_hostile_query_is_answered_or_refused_in_a_moment(address, student, version):  # noqa: F811
    client, slow, wrong = signed_in(student), [], []
    for query in HOSTILE:
        began = time.perf_counter()
        response = client.get(address, {"q": query})
        if time.perf_counter() - began > 5:
            slow.append(query[:60])
        if response.status_code not in (200, 422):
            wrong.append((response.status_code, query[:60]))
        if response.status_code == 422 and address in LISTS:
            (error,) = response.json()["errors"]
            assert error["pointer"] == "/q"
            assert 1 <= error["position"] <= len(query) + 1
    assert not wrong
    assert not slow
    assert ModelVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("x" * 4001, "found 4001 characters; a query has at most 4000"),
        (" OR ".join(["a"] * 201), "more than 200 comparisons"),
        ("name IN (" + ", ".join(["'a'"] * 201) + ")", "more than 200 comparisons"),
        ("(" * 51 + "a" + ")" * 51, "more than 50 parentheses and NOTs"),
        ("NOT " * 51 + "a", "more than 50 parentheses and NOTs"),
    ],
)
def test_beyond_a_bound_the_bound_is_named(query, words):
    with pytest.raises(SearchError) as caught:
        condition(query, VERSIONS)
    assert words in caught.value.message


def test_up_to_the_bounds_everything_is_answered():
    for query in (
        " OR ".join(["a"] * 200),
        "name IN (" + ", ".join(["'a'"] * 200) + ")",
        "(" * 50 + "a" + ")" * 50,
        "NOT " * 50 + "a",
        "NOT(" * 25 + "a" + ")" * 25,
        "'" + "x" * 3998 + "'",
    ):
        list(ModelVersion.objects.filter(condition(query, VERSIONS)))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_is_read_or_refused(text):
    refusal = None
    try:
        parse(text)
    except SearchError as error:
        refusal = error
    if refusal is not None:
        assert 1 <= refusal.position <= len(text) + 1
        assert refusal.excerpt.caret.endswith("^")


WORDS = ["name", "metrics.x", "'a'", "1", "(", ")", "AND", "OR", "NOT", "IN", ",", "=", "LIKE"]
WORDS += ["EXISTS", "params.`q`", "true", "created", "alias", "version", ".", "<", "ILIKE"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_any_mixture_of_words_is_answered_or_refused(db, query):
    try:
        found = condition(query, VERSIONS)
    except SearchError:
        return
    list(ModelVersion.objects.filter(found)[:1])


TRICKS = [
    "name = 'x' OR NOT name = 'x'",
    "NOT NOT EXISTS name",
    "version >= '0.0.0' OR version < '0.0.0'",
    "NOT (owner = 'nobody')",
    "walker OR NOT walker",
    "alias = 'latest' OR NOT alias = 'latest'",
    "class = 'Class of the tests' OR name LIKE '%'",
]


@pytest.mark.parametrize("query", TRICKS)
def test_no_query_widens_what_one_may_see(query, outsider, student, version):  # noqa: F811
    own = signed_in(student).get("/api/v1/versions", {"q": query}).json()
    assert [item["version"] for item in own["items"]] == ["1.0.0"]
    assert signed_in(outsider).get("/api/v1/versions", {"q": query}).json()["items"] == []
    page = signed_in(outsider).get("/models/versions/", {"q": query}).content.decode()
    assert "/models/walker/" not in page


def test_a_search_that_takes_too_long_is_given_up_and_leaves_the_connection_whole(db):
    with (
        pytest.raises(SearchError, match="takes longer than 0.2 s"),
        bounded("name = 'x'", seconds=0.2),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT pg_sleep(10)")
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_the_bound_ends_with_the_search(db):
    with bounded("name = 'x'", seconds=7), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("7s",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
