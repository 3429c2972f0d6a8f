"""Rules put old versions away and delete them later, but nothing that somebody counts on."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from hamlet.errors import SpecError
from registry.aliases.services import move_alias
from registry.models import AuditEntry, ModelVersion, RetentionRule
from registry.retention import queries
from registry.retention.services import apply, remove_rule, set_rule
from registry.services import ensure_model
from registry.versions import lifecycle
from registry.versions.services import change_card

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


@pytest.fixture
def five(register) -> list[ModelVersion]:
    return [register(seed=seed) for seed in range(5)]


def in_days(days: float):
    return timezone.now() + timedelta(days=days)


def planned(now) -> list[tuple[str, str]]:
    return [(item.version.number, item.action) for item in queries.plan(now)]


def statuses() -> dict[str, str]:
    return {version.number: version.card.status for version in ModelVersion.objects.all()}


def test_without_a_rule_everything_stays(five):
    assert planned(in_days(10_000)) == []
    assert apply(in_days(10_000)).archived == 0


def test_old_versions_are_archived_but_for_the_newest(five, model):
    set_rule(model, {"keep_newest": 2, "archive_after_days": 30})
    assert planned(in_days(29)) == []
    assert planned(in_days(31)) == [
        ("1.0.0", "archive"),
        ("1.0.1", "archive"),
        ("1.0.2", "archive"),
    ]
    done = apply(in_days(31))
    assert (done.archived, done.deleted, done.left) == (3, 0, 0)
    assert statuses() == {
        "1.0.0": "archived",
        "1.0.1": "archived",
        "1.0.2": "archived",
        "1.0.3": "registered",
        "1.0.4": "registered",
    }
    assert apply(in_days(31)).archived == 0
    entry = AuditEntry.objects.filter(action="version.moved").first()
    assert entry.details["reason"] == "older than 30 days"


def test_archived_versions_are_deleted_later(five, model):
    set_rule(model, {"keep_newest": 4, "archive_after_days": 1, "delete_after_days": 60})
    apply(in_days(2))
    assert planned(in_days(59)) == []
    assert planned(in_days(61)) == [("1.0.0", "delete")]
    assert apply(in_days(61)).deleted == 1
    assert "1.0.0" not in statuses()
    assert AuditEntry.objects.get(action="version.deleted").details["reason"] == (
        "archived for 60 days"
    )


def test_without_days_archived_versions_stay_for_ever(five, model):
    set_rule(model, {"keep_newest": 0, "archive_after_days": 0})
    apply(in_days(1))
    assert planned(in_days(10_000)) == []


def test_what_somebody_counts_on_stays(five, model, register, instructor):
    move_alias(model, "best", five[0], instructor)
    register(seed=9, parent=five[1])
    lifecycle.move(five[2], "validated")
    lifecycle.move(five[2], "staged")
    change_card(five[3], instructor, tags={"keep": ""})
    set_rule(model, {"keep_newest": 0, "archive_after_days": 0, "delete_after_days": 0})
    assert [number for number, _ in planned(in_days(1))] == ["1.0.4", "1.0.5"]


def test_kept_tag_saves_an_archived_version_too(five, model, instructor):
    set_rule(model, {"keep_newest": 4, "archive_after_days": 0, "delete_after_days": 1})
    apply(in_days(1))
    change_card(five[0], instructor, tags={"keep": "for the paper"})
    assert planned(in_days(100)) == []


def test_rule_of_a_model_takes_the_place_of_the_one_for_all(five, model):
    set_rule(None, {"keep_newest": 0, "archive_after_days": 0})
    set_rule(model, {"keep_newest": 4, "archive_after_days": 0})
    assert planned(in_days(1)) == [("1.0.0", "archive")]
    remove_rule(model)
    assert len(planned(in_days(1))) == 5
    assert not remove_rule(model)


def test_latest_names_an_archived_version_only_where_there_is_no_other(five, model):
    set_rule(model, {"keep_newest": 1, "archive_after_days": 0})
    apply(in_days(1))
    assert model.aliases.get(name="latest").version == five[4]


def test_alias_that_comes_after_the_plan_saves_its_version(five, model, instructor, monkeypatch):
    set_rule(model, {"keep_newest": 3, "archive_after_days": 0})
    made = list(queries.plan(in_days(1)))
    move_alias(model, "best", five[0], instructor)
    monkeypatch.setattr(queries, "plan", lambda *_: iter(made))
    done = apply(in_days(1))
    assert (done.archived, done.left) == (1, 1)
    assert statuses()["1.0.0"] == "registered"


@pytest.mark.parametrize(
    "fields",
    [
        {"keep_newest": -1},
        {"archive_after_days": 1.5},
        {"archive_after_days": None},
        {"delete_after_days": "soon"},
        {"delete_after_days": 10**9},
        {"surprise": 1},
    ],
)
def test_bad_rule_is_refused(model, fields):
    with pytest.raises(SpecError):
        set_rule(model, fields)
    assert not RetentionRule.objects.exists()


def test_command_shows_first_and_does_it_when_told(five, model):
    set_rule(model, {"keep_newest": 3, "archive_after_days": 0})
    out = io.StringIO()
    call_command("retention", "--model", "walker", stdout=out)
    assert "walker 1.0.0 is archived" in out.getvalue()
    assert "planned     2 versions" in out.getvalue()
    assert set(statuses().values()) == {"registered"}
    call_command("retention", "--apply", stdout=out)
    assert "archived    2" in out.getvalue()


def test_the_plan_for_all_models_is_one_query(five, model, register, django_assert_num_queries):
    for name in ("runner", "jumper"):
        register(model=ensure_model(name, "town", model.owner, model.classroom), seed=7)
    set_rule(None, {"keep_newest": 0, "archive_after_days": 30})
    set_rule(model, {"keep_newest": 4, "archive_after_days": 10, "delete_after_days": None})
    with django_assert_num_queries(1):
        found = [str(item.version) for item in queries.plan(in_days(31))]
    assert found == ["jumper 1.0.0", "runner 1.0.0", "walker 1.0.0"]
