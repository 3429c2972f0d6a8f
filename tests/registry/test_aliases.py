"""Aliases: they move in one moment, leave a row each time, and history can be asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from hamlet.errors import SpecError
from registry.aliases.services import move_alias, remove_alias
from registry.errors import NotChangeableError, ReservedAliasError, VersionNotFoundError
from registry.models import Alias, AliasMove
from registry.queries import alias_at, aliases_of, find_version, live_at
from registry.services import ensure_model

pytestmark = pytest.mark.django_db


def history(model, name: str = "best") -> list[tuple]:
    moves = AliasMove.objects.filter(model=model, name=name).order_by("pk")
    return [(move.old_version, move.new_version, move.moved_by) for move in moves]


def test_alias_names_what_it_was_moved_to(register, model, instructor):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first, instructor)
    assert find_version(instructor, "walker", "best") == first
    move_alias(model, "best", second, instructor)
    assert find_version(instructor, "walker", "best") == second
    assert aliases_of(second) == ["best", "latest"]


def test_every_move_says_who_from_and_to(register, model, instructor, admin):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first, instructor)
    move_alias(model, "best", second, admin)
    remove_alias(model, "best", instructor)
    assert history(model) == [
        (None, first, instructor),
        (first, second, admin),
        (second, None, instructor),
    ]


def test_moving_to_where_it_stands_is_no_move(version, model, instructor):
    move_alias(model, "best", version, instructor)
    move_alias(model, "best", version, instructor)
    assert len(history(model)) == 1


def test_what_was_live_at_a_time_can_be_asked(register, model):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first)
    began = AliasMove.objects.filter(name="best").latest("pk").moved_at
    move_alias(model, "best", second)
    moved = AliasMove.objects.filter(name="best").latest("pk").moved_at
    remove_alias(model, "best")
    ended = AliasMove.objects.filter(name="best").latest("pk").moved_at
    moment = timedelta(microseconds=1)
    assert alias_at(model, "best", began - moment) is None
    assert alias_at(model, "best", began).new_version == first
    assert alias_at(model, "best", moved - moment).new_version == first
    assert alias_at(model, "best", moved).new_version == second
    assert alias_at(model, "best", ended).new_version is None
    assert alias_at(model, "never", ended) is None
    assert [(move.name, move.new_number) for move in live_at(model, moved)] == [
        ("best", "1.0.1"),
        ("latest", "1.0.1"),
    ]
    assert [move.name for move in live_at(model, ended)] == ["latest"]


@pytest.mark.parametrize("name", ["1.0.0", "1", "a b", "", "-a", "x" * 51, "caf\u00e9", None, 7])
def test_alias_that_could_not_stand_in_an_address_is_refused(version, model, name):
    with pytest.raises(SpecError, match="beginning with a letter"):
        move_alias(model, name, version)
    assert history(model) == []


def test_latest_cannot_be_moved_or_removed_by_hand(version, model, instructor):
    for attempt in (
        lambda: move_alias(model, "latest", version, instructor),
        lambda: remove_alias(model, "latest", instructor),
    ):
        with pytest.raises(ReservedAliasError, match="moves by itself"):
            attempt()


def test_alias_never_leaves_its_model(version, model, instructor, classroom):
    other = ensure_model("jumper", "town", instructor, classroom)
    with pytest.raises(SpecError, match="expected a version of jumper"):
        move_alias(other, "best", version, instructor)


def test_those_who_may_only_look_move_nothing(version, model, student, outsider):
    for user in (student, outsider):
        with pytest.raises(NotChangeableError):
            move_alias(model, "best", version, user)
        with pytest.raises(NotChangeableError):
            remove_alias(model, "best", user)
    assert history(model) == []


def test_removing_what_is_not_there_says_so(version, model, instructor):
    assert remove_alias(model, "best", instructor) is False
    assert history(model) == []


@pytest.mark.parametrize("asked", ["9.9.9", "worst", "", "99999999999999999999.0.0", "\u0660.0.0"])
def test_asking_for_what_is_not_there_says_what_there_is(version, instructor, asked):
    with pytest.raises(VersionNotFoundError, match=r"latest.*1\.0\.0"):
        find_version(instructor, "walker", asked)


def test_model_without_versions_says_how_it_gets_one(model, instructor):
    with pytest.raises(VersionNotFoundError, match="no version yet"):
        find_version(instructor, "walker", "latest")


@pytest.mark.django_db(transaction=True)
def test_history_is_one_unbroken_chain_whoever_moves_at_once(register, model):
    versions = [register(seed=seed) for seed in range(3)]

    def move(number: int) -> None:
        try:
            move_alias(model, "best", versions[number % 3])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(move, range(30)))
    chain = [(old, new) for old, new, _ in history(model)]
    assert chain[0][0] is None
    for (_, before), (after, _) in zip(chain, chain[1:], strict=False):
        assert before == after
    assert Alias.objects.get(model=model, name="best").version == chain[-1][1]
    times = list(AliasMove.objects.filter(name="best").order_by("pk").values_list("moved_at"))
    assert times == sorted(times)
