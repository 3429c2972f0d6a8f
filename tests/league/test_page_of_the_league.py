"""The page of the league: what it shows without colour, its form, and what to do next."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.test import Client

from registry.jobs.models import Job
from registry.models import Classroom, User
from tests.games.conftest import Program
from tests.league.conftest import TOURNAMENTS
from tests.league.test_standings import keep

pytestmark = pytest.mark.django_db


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def test_an_empty_league_says_what_to_do_next(student: User, instructor: User) -> None:
    shown = text_of(page_of(student).get("/league/"))
    assert "No tournament yet" in shown
    assert "when your instructor" in shown
    assert '<form method="post" action="/league/start/"' not in shown
    assert "Start a tournament" in text_of(page_of(instructor).get("/league/"))


def test_the_line_of_the_empty_league_starts_a_tournament(
    instructor: User, teacher: Program
) -> None:
    shown = text_of(page_of(instructor).get("/league/"))
    line = shown.split('<pre id="curl-line">')[1].partition("</pre>")[0]
    sent = json.loads(line.split(" -d '")[1].rstrip("'"))
    assert teacher.send(TOURNAMENTS, sent).status_code == 202


def test_ratings_are_told_in_words_and_drawn(student: User, instructor: User, classroom) -> None:
    keep(instructor, "RRRY", "minimax", "random", classroom)
    keep(instructor, "YYYR", "random", "minimax", classroom)
    for wins, losses in (("solver", "minimax"), ("random", "a/1.0.0 @8")):
        keep(instructor, "RRRR", wins, losses, classroom)
        keep(instructor, "YYYY", losses, wins, classroom)
    raw = page_of(student).get("/league/").content.decode()
    places = re.findall(r'<th scope="row">(?!\d)([^<]+)', raw)
    assert places == ["solver", "minimax", "random", "a/1.0.0 @8"]
    assert re.search(r"<td>at least \d+</td>", raw)
    assert re.search(r"<td>at most -?\d+</td>", raw)
    assert re.search(r"<td>-?\d+ \(-?\d+ to -?\d+\)</td>", raw)
    assert raw.count('class="league-bar"') == 4
    assert raw.count('class="league-mark"') == 2  # a bound has no dot
    assert "style=" not in raw.partition("<main")[2]
    cross = raw.split('id="league-cross"')[1]
    assert "<td>6 / 0 / 2</td>" in cross
    assert "<td>2 / 0 / 6</td>" in cross
    assert 'href="/league/" aria-current="page"' in raw


def test_the_form_starts_a_tournament(instructor: User, classroom: Classroom) -> None:
    asked = {
        "pool": ["random", "mcts"],
        "versions": "\n",
        "games_per_pair": "6",
        "classroom": classroom.name,
    }
    response = page_of(instructor).post("/league/start/", asked)
    job = Job.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.kind, job.total, job.classroom) == ("tournament", 6, classroom)
    assert "random, mcts" in text_of(page_of(instructor).get("/jobs/"))


def test_a_form_with_faults_is_shown_again_with_them(instructor: User, student: User) -> None:
    asked = {"pool": ["solver"], "versions": "no/<b>1.0.0", "games_per_pair": "many"}
    response = page_of(instructor).post("/league/start/", asked)
    assert response.status_code in (409, 422)
    raw = response.content.decode()
    assert 'role="alert"' in raw
    assert "no/&lt;b&gt;1.0.0</textarea>" in raw
    assert 'value="solver" checked' in raw
    assert 'value="random" checked' not in raw
    single = page_of(instructor).post("/league/start/", {"pool": ["solver"], "games_per_pair": "3"})
    assert single.status_code == 422
    assert "found 1 entries; expected 2 to 16" in text_of(single)
    assert page_of(student).post("/league/start/", asked).status_code == 403
    assert not Job.objects.exists()
