"""The pages and commands of datasets: building from a form, watching, reading what is in one."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry.jobs import execution
from registry.jobs.models import Job
from registry.models import User
from tests.jobs.rows import WORKER
from training.datasets.models import Dataset

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(instructor: User) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def work() -> None:
    for job in Job.objects.filter(status="queued"):
        execution.execute(job.pk, WORKER)


def test_an_empty_list_says_what_to_do_next(page: Client, student: User) -> None:
    shown = text_of(page.get("/datasets/"))
    assert "There is no game that you may learn from yet" in shown
    pupil = Client()
    pupil.force_login(student)
    assert "Those that your instructor builds" in text_of(pupil.get("/datasets/"))


def test_a_dataset_is_built_from_the_form_and_watched(page: Client, games) -> None:
    assert "Build a dataset from 3 games" in text_of(page.get("/datasets/"))
    form = {"name": "friday", "value_target": "discounted", "flip": "on", "include_policy": "on"}
    assert page.post("/datasets/build/", form)["Location"] == "/datasets/friday/"
    waiting = text_of(page.get("/datasets/friday/"))
    assert 'hx-trigger="every 2s"' in waiting
    work()
    options = Dataset.objects.get().options
    assert (options["value_target"], options["augment"]["flip"]) == ("discounted", True)
    assert (options["include_policy"], options["balance"]) == (True, False)
    part = text_of(page.get("/datasets/friday/", headers=HTMX))
    assert "<html" not in part
    assert "hx-trigger" not in part
    shown = page.get("/datasets/friday/").content.decode()
    charts = json.loads(shown.split('type="application/json">')[1].partition("</script>")[0])
    assert sum(charts["by_ply"]) == Dataset.objects.get().examples_count
    assert "average game length" in shown
    assert "Download as CSV" in shown
    assert "friday" in text_of(page.get("/datasets/"))


def test_what_the_form_got_wrong_is_said_and_kept(page: Client, games) -> None:
    wrong = page.post("/datasets/build/", {"name": "a b", "value_target": "outcome"})
    assert wrong.status_code == 422
    assert 'value="a b"' in text_of(wrong)
    assert "letters, digits" in text_of(wrong)
    page.post("/datasets/build/", {"name": "friday", "value_target": "outcome"})
    work()
    taken = page.post("/datasets/build/", {"name": "friday", "value_target": "outcome"})
    assert taken.status_code == 409
    assert "Choose another" in text_of(taken)


def test_a_failed_build_says_why(page: Client, games) -> None:
    form = {"name": "none", "value_target": "search", "only_winner_moves": "on"}
    page.post("/datasets/build/", form)
    Job.objects.update(status="failed", reason="nothing is left")
    shown = text_of(page.get("/datasets/none/"))
    assert "nothing is left" in shown
    assert "Build it again" in shown


def test_the_command_builds_lists_and_takes(
    games, tmp_path: Path, capsys, admin: User, instructor: User
) -> None:
    user = ("--user", "instructor")
    setting = ("--set", "filters.min_length=8", "--set", "augment.flip=true")
    call_command("datasets", *user, "build", "long", *setting, "--no-wait")
    assert "queued" in capsys.readouterr().out
    with pytest.raises(CommandError, match="not ready: queued"):
        call_command("datasets", *user, "export", "long", str(tmp_path / "early"))
    work()
    call_command("datasets", *user, "list")
    assert "long     ready" in capsys.readouterr().out
    file = tmp_path / "long.csv"
    call_command("datasets", *user, "export", "long", str(file), "--format", "csv")
    assert len(file.read_bytes().splitlines()) == Dataset.objects.get().examples_count + 1
    with pytest.raises(CommandError, match="no dataset 'short'"):
        call_command("datasets", *user, "export", "short", str(file))
    with pytest.raises(CommandError, match=r"options\.colour"):
        call_command("datasets", *user, "build", "x", "--set", "colour=red")
