"""The pages of games: what they show, with and without JavaScript, and what to do next."""

from __future__ import annotations

import html
import json

import pytest
from django.test import Client

from registry.jobs.models import Job
from registry.models import User
from tests.games.conftest import GAMES, Program
from tests.games.records import RED_WINS, YELLOW_WINS, record, searched
from training.games.models import Game

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(student: User) -> Client:
    client = Client()
    client.force_login(student)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def test_an_empty_list_says_what_to_do_next(page: Client, instructor: User) -> None:
    shown = text_of(page.get("/games/"))
    assert "No games yet" in shown
    assert "/api/v1/games -H" in shown
    teacher = Client()
    teacher.force_login(instructor)
    assert "/api/v1/selfplay -H" in text_of(teacher.get("/games/"))


def test_the_line_of_the_empty_list_records_a_game(page: Client, program: Program) -> None:
    shown = text_of(page.get("/games/"))
    line = shown.split('<pre id="curl-line">')[1].partition("</pre>")[0]
    body = json.loads(line.split(" -d '")[1].rstrip("'"))
    assert program.send(GAMES, body).status_code == 201


def test_games_are_listed_filtered_and_paged(page: Client, program: Program) -> None:
    for number in range(3):
        program.send(GAMES, record(timestamp=f"2026-01-0{number + 1}T00:00:00Z"))
    program.send(GAMES, record(YELLOW_WINS, winner="Yellow", timestamp="2025-01-01T00:00:00Z"))
    shown = text_of(page.get("/games/", {"limit": "2"}))
    assert shown.count(f"<code>{RED_WINS}</code>") == 2
    more = shown.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert YELLOW_WINS in text_of(page.get(more))
    filtered = text_of(page.get("/games/", {"result": "Yellow"}))
    assert YELLOW_WINS in filtered
    assert RED_WINS not in filtered
    assert "No such game" in text_of(page.get("/games/", {"source": "tournament"}))
    wrong = page.get("/games/", {"version": "x"})
    assert wrong.status_code == 422
    assert "expected model/number" in text_of(wrong)
    assert page.get("/games/", {"cursor": "?"}).status_code == 302


def test_a_game_is_told_in_words_and_given_to_the_board(page: Client, program: Program) -> None:
    sent = searched(metadata={"event": "<b>Friday</b>"})
    game = program.send(GAMES, sent).json()
    response = page.get(f"/games/{game['game_id']}/")
    raw = response.content.decode()
    assert "&lt;b&gt;Friday&lt;/b&gt;" in raw
    assert f"Columns played: {RED_WINS}" in raw
    assert "a person (Red) against a program (1200) (Yellow): Red wins after 7 moves" in raw
    drawing = json.loads(raw.split('type="application/json">')[1].partition("</script>")[0])
    assert drawing["moves"] == [int(letter) - 1 for letter in RED_WINS]
    assert drawing["visits"][3] == [3, 1, 2, 3, 2, 1, 0]


def test_an_analysis_is_started_watched_and_read(page: Client, program: Program) -> None:
    game = program.send(GAMES, record()).json()
    url = f"/games/{game['game_id']}"
    assert "Analyse this game" in text_of(page.get(f"{url}/"))
    assert not Job.objects.exists()  # looking starts nothing
    assert page.post(f"{url}/analyse/").status_code == 302
    panel = text_of(page.get(f"{url}/analysis/", headers=HTMX))
    assert "<html" not in panel
    assert 'hx-trigger="every 2s"' in panel
    Job.objects.update(status="succeeded", done=7, result=judged())
    done = text_of(page.get(f"{url}/analysis/", headers=HTMX))
    assert "hx-trigger" not in done
    assert "The losing move is number 6." in done
    assert "the losing move: loses a draw" in done
    assert "1 × loses a draw" in done
    assert "loses_a_draw" not in done
    assert "loss in 2" in done  # Red has 3 stones and will win with the fifth
    Job.objects.update(status="failed", reason="The worker stopped")
    assert "Try again" in text_of(page.get(f"{url}/"))
    again = page.post(f"{url}/analyse/", headers=HTMX)
    assert again.status_code == 200
    assert Job.objects.get().status == "queued"


def judged() -> dict:
    def move(ply: int, mistake: str = "none") -> dict:
        return {
            "ply": ply,
            "player": ("Red", "Yellow")[ply % 2],
            "played": int(RED_WINS[ply]) - 1,
            "best_columns": [3],
            "score_before": 0,
            "score_after": -17 if mistake != "none" else 0,
            "class_before": "draw",
            "class_after": "loss" if mistake != "none" else "draw",
            "mistake": mistake,
        }

    moves = [move(6), move(5, "loses_a_draw"), *(move(ply) for ply in range(4, -1, -1))]
    mistakes = {"Red": {}, "Yellow": {"loses_a_draw": 1}}
    return {"moves": moves, "losing_ply": 5, "lost_from": 6, "mistakes": mistakes}


def test_a_game_out_of_sight_is_404(page: Client, outsider: User) -> None:
    game = Program(outsider).send(GAMES, record()).json()
    for path in ("", "analysis/"):
        assert page.get(f"/games/{game['game_id']}/{path}").status_code == 404
    assert page.post(f"/games/{game['game_id']}/analyse/").status_code == 404
    assert Game.objects.count() == 1
