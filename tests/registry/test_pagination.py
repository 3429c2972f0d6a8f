"""Lists by keyset: every row once, whatever happens meanwhile; bad cursors are refused."""

from __future__ import annotations

import base64
import json

import pytest
from django.test import Client
from django.utils import timezone

from hamlet.errors import SpecError
from registry.models import RegisteredModel
from registry.pagination import paginate
from registry.services import ensure_model

pytestmark = pytest.mark.django_db
ORDER = ("-created_at", "-id")


@pytest.fixture
def models(instructor, classroom) -> list[RegisteredModel]:
    """Seven models, three of them of one and the same moment."""
    made = [ensure_model(f"m{n}", "town", instructor, classroom) for n in range(7)]
    moment = timezone.now()
    RegisteredModel.objects.filter(name__in=["m2", "m3", "m4"]).update(created_at=moment)
    return made


def walk(order, limit: int, between=lambda: None) -> list[str]:
    names, cursor = [], None
    while True:
        page = paginate(RegisteredModel.objects.all(), order, cursor=cursor, limit=limit)
        names += [model.name for model in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return names
        between()


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 50])
@pytest.mark.parametrize("order", [ORDER, ("name",), ("created_at", "id"), ("-id",)])
def test_pages_together_are_the_whole_list_in_order(models, order, limit):
    expected = list(RegisteredModel.objects.order_by(*order).values_list("name", flat=True))
    assert walk(order, limit) == expected


def test_rows_that_come_meanwhile_repeat_and_skip_nothing(models, instructor, classroom):
    counter = iter(range(100))

    def add() -> None:
        ensure_model(f"late{next(counter)}", "town", instructor, classroom)

    names = walk(ORDER, 2, between=add)
    assert [name for name in names if name.startswith("m")] == [
        name
        for name in RegisteredModel.objects.order_by(*ORDER).values_list("name", flat=True)
        if name.startswith("m")
    ]


def spell(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "\u00e9",
        "x" * 2000,
        spell([]),
        spell([1, 2]),
        spell([float("inf"), 0]),
        spell(["2026-01-01T00:00:00Z", float("inf")]),
        spell(["9999-12-31T23:59:59-23:59", 1]),
        spell(["2026-01-01\x00", 1]),
        spell({}),
        spell(["2026-01-01"]),
        spell(["soon", 1]),
        spell(["2026-01-01T00:00:00Z", "one"]),
        spell(["2026-01-01T00:00:00Z", None]),
        spell(["2026-01-01T00:00:00Z", {"a": 1}]),
        spell(["2026-01-01T00:00:00Z", 10**30]),
    ],
)
def test_cursor_that_no_list_gave_out_is_refused(models, cursor):
    with pytest.raises(SpecError, match="cursor"):
        paginate(RegisteredModel.objects.all(), ORDER, cursor=cursor)


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", ["a"]])
def test_cursor_of_a_text_that_no_database_can_hold_is_refused(models, name):
    with pytest.raises(SpecError, match="cursor"):
        paginate(RegisteredModel.objects.all(), ("name",), cursor=spell([name]))


def test_next_is_an_address_that_keeps_the_filters(models, instructor):
    client = Client()
    client.force_login(instructor)
    body = client.get("/api/v1/models", {"limit": 3, "system": "town"}).json()
    seen = [item["name"] for item in body["items"]]
    while body["next"]:
        assert "limit=3" in body["next"]
        assert "system=town" in body["next"]
        body = client.get(body["next"]).json()
        seen += [item["name"] for item in body["items"]]
    assert sorted(seen) == [f"m{n}" for n in range(7)]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "all", "9" * 30, "\u0663"])
def test_limit_outside_its_range_is_refused(models, instructor, limit):
    client = Client()
    client.force_login(instructor)
    response = client.get("/api/v1/models", {"limit": limit})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/limit"
