"""The page on which a model's learning on is seen and changed, the API and the commands."""

from __future__ import annotations

import html
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from registry.services import ensure_model
from tests.games.conftest import Program
from tests.learning_on.material import examples, queued, record
from training.models import LearningOn, Night, Run
from training.retraining.deciding import decide
from training.retraining.nights import night_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("few_are_enough", "artifact_dir", "redis_url"),
]
PAGE, LEARNING = "/models/dropper/learning/", "/api/v1/models/dropper/learning"
NIGHT = date(2026, 11, 22)


@pytest.fixture
def browser(instructor) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def test_the_page_shows_what_waits_and_what_became_of_the_nights(
    browser, model, send, classroom, admin
):
    send(examples(3))
    record(2, None, classroom)
    decide(model, NIGHT, user=admin)
    shown = text_of(browser.get(PAGE))
    assert "Throw away 3 examples" in shown
    assert "found 2 finished games since the last training; 3 are needed" in shown
    assert "by hand, admin" in shown
    assert "Off. If on: at 02:00 UTC" in shown
    assert PAGE in text_of(browser.get("/models/dropper/"))


def test_an_empty_page_says_what_will_stand_there(browser, model):
    shown = text_of(browser.get(PAGE))
    assert "No night yet" in shown
    assert '"incremental": true' in shown


def test_nights_are_turned_on_and_off_on_the_page(browser, model):
    form = {"nightly": "on", "enough_examples": "250"}
    assert browser.post(f"{PAGE}change/", form).status_code == 302
    row = LearningOn.objects.get()
    assert (row.nightly, row.enough_examples) == (True, 250)
    shown = text_of(browser.get(PAGE))
    assert "On: at 02:00 UTC" in shown
    assert "250 start a run" in shown
    assert browser.post(f"{PAGE}change/", {"enough_examples": ""}).status_code == 302
    row.refresh_from_db()
    assert (row.nightly, row.enough_examples) == (False, None)


def test_what_the_form_got_wrong_is_said_and_changes_nothing(browser, model):
    wrong = browser.post(f"{PAGE}change/", {"nightly": "on", "enough_examples": "many"})
    assert wrong.status_code == 422
    assert "enough_examples" in text_of(wrong)
    assert not LearningOn.objects.filter(nightly=True).exists()


def test_students_look_but_change_nothing(student, model):
    client = Client()
    client.force_login(student)
    shown = text_of(client.get(PAGE))
    assert "Settings" not in shown
    assert "curl" not in shown
    assert client.post(f"{PAGE}change/", {"nightly": "on"}).status_code == 403
    assert client.post(f"{PAGE}discard/").status_code == 403


def test_a_model_that_learns_from_no_examples_has_no_such_page(browser, instructor, classroom):
    ensure_model("walker", "town", instructor, classroom)
    assert browser.get("/models/walker/learning/").status_code == 404
    assert "/models/walker/learning/" not in text_of(browser.get("/models/walker/"))


def test_what_waits_is_thrown_away(browser, model, send):
    send(examples(3))
    assert browser.post(f"{PAGE}discard/").status_code == 302
    assert queued(model) == 0


def test_the_api_says_the_same(teacher, model, send, change, classroom):
    send(examples(3))
    send(examples(1), base_version="dropper:1.0.0")
    record(2, None, classroom)
    decide(model, NIGHT)
    assert change(nightly=True, enoughExamples=50).status_code == 200
    data = teacher.get(LEARNING).json()
    assert (data["enough_examples"], data["own_enough_examples"]) == (50, 50)
    found = [(q["base_version"], q["queued"], q["needed"]) for q in data["queues"]]
    assert found == [(None, 3, 47), ("1.0.0", 1, 49)]
    assert (data["nightly"]["on"], data["nightly"]["at"]) == (True, "02:00 UTC")
    [night] = data["nights"]
    assert (night["night"], night["outcome"], night["games"]) == ("2026-11-22", "skipped", 2)


def test_fewer_that_are_enough_start_a_run_with_what_waits(model, send, change):
    send(examples(3))
    assert change(enough_examples=3).status_code == 200
    assert Run.objects.get().taken_examples.count() == 1


@pytest.mark.parametrize("wrong", [{"nightly": 3}, {"enough_examples": 0}, {"surprise": 1}])
def test_a_wrong_change_is_refused(change, model, wrong):
    answer = change(**wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(wrong))}"


def test_examples_are_thrown_away_over_the_api(instructor, model, send):
    send(examples(3))
    client = Client()
    client.force_login(instructor)
    assert client.delete(f"{LEARNING}/examples").json() == {"discarded": 3}
    assert queued(model) == 0


def test_nobody_else_changes_how_a_model_learns(model, student, outsider):
    assert Program(student).get(LEARNING).status_code == 200
    assert Program(outsider).get(LEARNING).status_code == 404


def test_a_night_is_decided_by_hand_and_a_skipped_one_anew(model, admin, classroom, capsys):
    record(2, None, classroom)
    call_command("retrain", model="dropper", night="2026-11-20")
    assert "found 2 finished games" in capsys.readouterr().out
    record(1, None, classroom, seed=2)
    call_command("retrain", model="dropper", night="2026-11-20")
    assert "3 games, run" in capsys.readouterr().out
    night = Night.objects.get()
    assert (night.night, night.asked_by, night.run) == (
        date(2026, 11, 20),
        admin,
        Run.objects.get(),
    )
    call_command("retrain", model="dropper", night="2026-11-20")
    assert str(night.run_id) in capsys.readouterr().out
    assert Run.objects.count() == 1


def test_by_hand_it_is_the_night_that_began_last(model, admin):
    call_command("retrain", model="dropper")
    assert Night.objects.get().night == night_of(timezone.now())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "nobody"}, "no model 'nobody'"),
        ({"model": "dropper", "night": "friday"}, "expected a day"),
        ({"model": "dropper", "night": "2999-01-01"}, "has not begun yet"),
    ],
)
def test_what_a_command_got_wrong_is_said(model, admin, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("retrain", **options)


def test_the_operator_sees_and_changes_how_a_model_learns(model, send, admin, capsys):
    send(examples(3))
    call_command("learning", "dropper", nightly="on", enough_examples="10")
    out = capsys.readouterr().out
    assert "3 examples wait for a run from the version in service; 7 more are needed" in out
    assert "nights at 02:00 UTC: on" in out
    call_command("learning", "dropper", discard=True, enough_examples="standard")
    out = capsys.readouterr().out
    assert "3 examples thrown away" in out
    assert "0 examples wait for a run from the version in service; 4 more are needed" in out
    with pytest.raises(CommandError, match="enough_examples"):
        call_command("learning", "dropper", enough_examples="many")
