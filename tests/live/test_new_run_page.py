"""Starting a run from a page: what is asked, and how what is wrong is told."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from hamlet.systems import SYSTEMS
from registry.models import Classroom, User
from registry.services import save_brain_spec
from training.models import Run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_url")]

BRAIN = "architecture: {type: feedforward}"


@pytest.fixture
def signed_in(instructor: User) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


def fields_of(html: str) -> dict[str, str]:
    """What a browser would send if the button was pressed at once."""
    hidden = dict(re.findall(r'type="hidden" name="(system|key)" value="([^"]+)"', html))
    return {**hidden, "level": "L0.5", "seed": "0"}


def send(client: Client, **changes: object):
    fields = fields_of(client.get(reverse("live:run-new")).content.decode())
    return client.post(reverse("live:run-new"), {**fields, **changes})


def errors_of(response, field: str) -> str:
    html = response.content.decode()
    notes = re.search(rf'id="id_{field}_notes">(.*?)</div>', html, re.S).group(1)
    return " ".join(re.sub(r"<[^>]+>", " ", notes).split())


def test_every_level_stands_on_a_card_with_its_description(signed_in: Client):
    html = signed_in.get(reverse("live:run-new")).content.decode()
    for level in SYSTEMS["town"].levels():
        assert level.title in html
        assert f'value="{level.name}"' in html


def test_pressing_the_button_queues_a_run(
    signed_in: Client, instructor: User, classroom: Classroom
):
    response = send(signed_in, budget="25", seed="7", name="My run", classroom=classroom.name)
    run = Run.objects.get()
    assert response["Location"] == reverse("live:run", args=[run.pk])
    assert (run.name, run.level, run.total) == ("My run", "L0.5", 25)
    assert (run.owner, run.classroom, run.spec["seed"]) == (instructor, classroom, 7)


def test_only_class_of_a_teacher_is_chosen_beforehand(signed_in: Client, classroom: Classroom):
    html = signed_in.get(reverse("live:run-new")).content.decode()
    assert f'<option value="{classroom.name}" selected>' in html


def test_saved_brain_can_be_chosen(signed_in: Client, instructor: User):
    save_brain_spec("plain", BRAIN, instructor)
    send(signed_in, brain="plain")
    run = Run.objects.get()
    assert run.brain.name == "plain"
    assert run.spec["content"]["brain"]["architecture"]["type"] == "feedforward"


def test_further_settings_reach_the_run(signed_in: Client):
    send(signed_in, overrides="training:\n  num_envs: 3\n")
    assert Run.objects.get().spec["content"]["training"]["num_envs"] == 3


def test_pressing_the_button_twice_starts_one_run(signed_in: Client):
    fields = fields_of(signed_in.get(reverse("live:run-new")).content.decode())
    first = signed_in.post(reverse("live:run-new"), fields)
    second = signed_in.post(reverse("live:run-new"), fields)
    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_page_that_has_started_a_run_asks_before_it_starts_another(signed_in: Client):
    fields = fields_of(signed_in.get(reverse("live:run-new")).content.decode())
    signed_in.post(reverse("live:run-new"), fields)
    response = signed_in.post(reverse("live:run-new"), {**fields, "seed": "1"})
    assert response.status_code == 422
    assert "started a run already" in response.content.decode()
    again = fields_of(response.content.decode())
    assert again["key"] != fields["key"]
    assert signed_in.post(reverse("live:run-new"), {**again, "seed": "1"}).status_code == 302
    assert Run.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"budget": "0"}, "budget", "found 0"),
        ({"budget": "many"}, "budget", "whole number"),
        ({"budget": "99999999999"}, "budget", "99999999999"),
        ({"seed": "-1"}, "seed", "found -1"),
        ({"level": "L9"}, "level", "L9"),
        ({"brain": "nobody's"}, "brain", "nobody"),
        ({"classroom": "Another class"}, "classroom", "Another class"),
        ({"name": "x" * 101}, "name", "100"),
        ({"overrides": "brian: 4"}, "overrides", "brian"),
        ({"overrides": "training: {num_env: 3}"}, "overrides", "training.num_env"),
        ({"overrides": "training: {num_envs: 0}"}, "overrides", "training.num_envs"),
        ({"overrides": "training: ["}, "overrides", "not valid YAML"),
        ({"overrides": "- 1"}, "overrides", "a list"),
        ({"overrides": "a: &a 1\nb: *a"}, "overrides", "anchors"),
        ({"overrides": "seed: 4"}, "seed", "say it once"),
        ({"overrides": "device: gpus"}, "overrides", "device"),
        ({"overrides": "x" * 70_000}, "overrides", "65536"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_made(
    signed_in: Client, changes, field, told
):
    response = send(signed_in, **changes)
    assert response.status_code == 422
    assert told in errors_of(response, field).replace("&#x27;", "'")
    assert Run.objects.count() == 0


def test_all_faults_are_told_at_once(signed_in: Client):
    response = send(signed_in, budget="0", overrides="brian: 3\nseed: 4")
    assert "found 0" in errors_of(response, "budget")
    assert "brian" in errors_of(response, "overrides")
    assert "say it once" in errors_of(response, "seed")


def test_what_was_written_stays_in_the_form(signed_in: Client):
    html = send(signed_in, name="Mine", budget="0", overrides="a: 1", level="L2").content.decode()
    assert 'value="Mine"' in html
    assert "a: 1</textarea>" in html
    assert re.search(r'value="L2"\s+checked', html)


def test_unknown_system_shows_the_first_one(signed_in: Client):
    assert signed_in.get(reverse("live:run-new"), {"system": "chess"}).status_code == 200
    assert send(signed_in, system="chess").status_code == 422
