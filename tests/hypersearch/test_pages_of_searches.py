"""Pages of searches: an empty list, the form, the trials as a table and drawn."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from live.hypersearch_charts import HEIGHT, LEFT, WIDTH, charts_of
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.games.conftest import Program
from tests.hypersearch.conftest import keep_dataset, look, queued, runs_of, succeeded
from training.hypersearch.space import Parameter

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return html.unescape(response.content.decode())


def test_an_empty_list_says_what_to_do_next(student: User, instructor: User) -> None:
    assert "Searches of your own appear here" in text_of(page_of(student).get("/hypersearch/"))
    shown = text_of(page_of(instructor).get("/hypersearch/"))
    assert "No searches yet" in shown
    assert "Build a dataset" in shown
    assert "<textarea" not in shown


def test_a_search_shows_its_trials_and_draws_them(instructor: User, classroom) -> None:
    job = look(queued(instructor, classroom, max_concurrent=1))
    client = page_of(instructor)
    shown = text_of(client.get(f"/hypersearch/{job.pk}/"))
    assert 'hx-trigger="every 3s"' in shown
    assert "<svg" not in shown.partition("<main")[2]  # one trial alone is no picture
    succeeded(job)
    raw = client.get(f"/hypersearch/{job.pk}/").content.decode()
    main = raw.partition("<main")[2]
    assert main.count('class="search-chart"') == 3  # order, and two settings
    assert main.count('class="search-mark"') == 9
    assert main.count("<strong>best</strong>") == 1
    assert "hx-trigger" not in main
    assert "style=" not in main
    for run in runs_of(job):
        assert f'href="/runs/{run.pk}/"' in main
    assert f"{job.result['best_value']:.4f}" in main
    part = client.get(f"/hypersearch/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<div")
    assert "<html" not in part
    listed = text_of(client.get("/hypersearch/"))
    assert re.search(rf'/hypersearch/{job.pk}/">tuning</a>', listed)
    assert "3 / 3" in listed
    on_jobs = text_of(client.get(f"/jobs/{job.pk}/"))
    assert f'href="/hypersearch/{job.pk}/"' in on_jobs
    assert "tuning, best val_loss" in on_jobs


def test_a_failed_search_says_why_where_it_is_shown(instructor: User) -> None:
    job = look(queued(instructor))
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, reason="None of them came.")
    assert "None of them came." in text_of(page_of(instructor).get(f"/hypersearch/{job.pk}/"))


def test_the_form_starts_a_search_and_keeps_what_was_wrong(
    teacher: Program, instructor: User
) -> None:
    keep_dataset(teacher)
    client = page_of(instructor)
    form = {
        "dataset": "sunday",
        "config": "model_type: alphazero\nepochs: 2",
        "search_space": "learning_rate: {uniform: [0.1, 0.01]}",
        "num_samples": "2",
    }
    refused = client.post("/hypersearch/start/", form)
    assert refused.status_code == 422
    assert "search_space.learning_rate.uniform" in text_of(refused)
    assert form["search_space"] in text_of(refused)
    form["search_space"] = "learning_rate: {uniform: [0.01, 0.1]}"
    made = client.post("/hypersearch/start/", form)
    job = Job.objects.get(kind="hypersearch")
    assert (made.status_code, made["Location"]) == (302, f"/hypersearch/{job.pk}/")
    assert job.total == 2


def test_marks_stand_where_their_numbers_are() -> None:
    def row(number: int, value: float | None, status: str, rate: float, size: str) -> dict:
        values = {"learning_rate": rate, "batch_size": size}
        return {"number": number, "value": value, "status": status, "values": values}

    rows = [
        row(1, 2.0, "completed", 0.001, "small"),
        row(2, None, "planned", 0.01, "small"),
        row(3, 1.0, "completed", 0.1, "large"),
        row(4, 3.0, "stopped", 0.01, "large"),
    ]
    space = [
        Parameter("learning_rate", "loguniform", (0.001, 0.1)),
        Parameter("batch_size", "choice", ("small", "large")),
    ]
    order, rate, size = charts_of(rows, space)
    assert [mark["number"] for mark in order["marks"]] == [1, 3, 4]
    heights = [mark["y"] for mark in order["marks"]]
    assert heights[1] > heights[0] > heights[2]  # the lowest value lies lowest
    assert heights[0] == round((heights[1] + heights[2]) / 2, 1)
    assert [mark["completed"] for mark in order["marks"]] == [True, True, False]
    assert order["best"].count(",") == 3  # down at trial 3, and nothing for the stopped one
    x = [mark["x"] for mark in rate["marks"]]
    assert x[0] == LEFT
    assert abs(x[2] - (x[0] + x[1]) / 2) < 0.2  # 0.01 is the middle of 0.001 and 0.1
    assert [mark["x"] for mark in size["marks"]][0] < [m["x"] for m in size["marks"]][1]
    for mark in (*order["marks"], *rate["marks"], *size["marks"]):
        assert LEFT <= mark["x"] <= WIDTH
        assert 0 <= mark["y"] <= HEIGHT
    assert charts_of(rows[:2], space) == []
