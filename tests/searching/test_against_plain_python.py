"""PostgreSQL and plain Python find the same rows, whatever is asked about whatever there is."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.accounts.models import Role
from registry.models import ModelVersion
from registry.searching.compiling import condition
from registry.searching.parsing import parse
from registry.searching.tables import VERSIONS
from tests.running import people
from tests.searching import naive
from tests.searching.rows import as_data, make_version, queries, versions

pytestmark = pytest.mark.django_db


@pytest.fixture
def users():
    return {name: people.make_person(name, Role.STUDENT) for name in ("ada", "grace")}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_query_finds_what_plain_python_finds(users, data):
    with transaction.atomic():
        compare_with_plain_python(data, users)
        transaction.set_rollback(True)


def compare_with_plain_python(data, users):
    rows = data.draw(st.lists(versions, min_size=1, max_size=6))
    made = {make_version(row, number, users).pk: number for number, row in enumerate(rows)}
    plain = {number: as_data(row, number) for number, row in enumerate(rows)}
    for query in data.draw(st.lists(queries, min_size=5, max_size=15)):
        tree = parse(query)
        found = ModelVersion.objects.filter(condition(query, VERSIONS), pk__in=made)
        numbers = {made[pk] for pk in found.values_list("pk", flat=True)}
        expected = {number for number, row in plain.items() if naive.holds(tree, row)}
        assert numbers == expected, query
