"""The page on which people play: whom they may choose, and its scripts."""

from __future__ import annotations

import html
import re

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from registry.accounts.models import Membership
from registry.models import Classroom
from registry.versions.models import VersionCard, VersionStatus
from tests.playing.boards import register_board_version
from tests.registry.exported import export_onnx_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]


def page_of(user, **asked: str) -> str:
    client = Client()
    client.force_login(user)
    return html.unescape(client.get(reverse("live:play"), asked).content.decode())


def choices_in(page: str) -> dict:
    found = re.search(r'<script id="play-choices"[^>]*>(.*?)</script>', page, re.S)
    return orjson.loads(html.unescape(found[1]))


def test_without_models_it_says_how_to_get_one(instructor):
    page = page_of(instructor)
    assert "No model of this game is registered yet" in page
    assert reverse("live:run-new") in page
    assert choices_in(page) == {}


def test_versions_within_sight_can_be_chosen(student, outsider, instructor, classroom):
    register_board_version(instructor, classroom)
    assert list(choices_in(page_of(student))) == ["dropper 1.0.0"]
    assert choices_in(page_of(outsider)) == {}


def test_a_version_runs_in_the_browser_once_its_onnx_file_is_there(student, instructor, classroom):
    version = register_board_version(instructor, classroom)
    assert choices_in(page_of(student))["dropper 1.0.0"]["url"] is None
    export = export_onnx_of(version)
    choice = choices_in(page_of(student))["dropper 1.0.0"]
    assert choice["url"] == reverse("registry:export-download", args=["dropper", "1.0.0", "onnx"])
    assert choice["sha256"] == export.artifact_id


def test_an_archived_version_cannot_be_chosen(student, instructor, classroom):
    version = register_board_version(instructor, classroom)
    VersionCard.objects.update_or_create(
        version=version, defaults={"status": VersionStatus.ARCHIVED}
    )
    assert choices_in(page_of(student)) == {}


@pytest.mark.parametrize("moves", ["99", "1" * 43, "<script>"])
def test_moves_that_cannot_be_are_refused_in_words(student, moves):
    page = page_of(student, moves=moves)
    assert 'data-moves=""' in page
    assert "expected at most 42 digits" in page


def test_a_version_out_of_sight_in_the_address_is_not_passed_over(outsider, instructor, classroom):
    register_board_version(instructor, classroom)
    assert "There is no version “dropper 1.0.0”" in page_of(outsider, version="dropper 1.0.0")


def test_who_may_see_a_saved_game_is_said_as_it_will_be(student, outsider, classroom):
    assert f"My classmates in {classroom.name} may see it" in page_of(student)
    Membership.objects.filter(user=outsider).delete()
    assert "My classmates" not in page_of(outsider)
    second = Classroom.objects.create(name="Second class")
    Membership.objects.create(user=student, classroom=second)
    page = page_of(student)
    assert '<select name="classroom">' in page
    assert "<option>Second class</option>" in page


def test_the_worker_alone_may_compile_webassembly(student):
    client = Client()
    client.force_login(student)
    worker = client.get(reverse("live:play-worker"))
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "'wasm-unsafe-eval'" in worker.headers["Content-Security-Policy"]
    page = client.get(reverse("live:play"))
    assert "wasm-unsafe-eval" not in page.headers["Content-Security-Policy"]
