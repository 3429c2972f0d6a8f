"""The pages of jobs: what they show, and their buttons with and without JavaScript."""

from __future__ import annotations

import html
import json
import subprocess

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.jobs import execution, services
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.jobs.rows import WORKER, assert_right, body_of, held, let_time_pass

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(student: User, version: object) -> Client:
    client = Client()
    client.force_login(student)
    return client


def text_of(response) -> str:
    return response.content.decode()


def test_a_waiting_job_can_be_cancelled_without_javascript(page: Client, job: Job) -> None:
    shown = text_of(page.get(f"/jobs/{job.pk}/"))
    assert "0</strong> of 10 rows" in shown
    assert "Cancel" in shown
    assert "Download the result" not in shown
    response = page.post(f"/jobs/{job.pk}/cancel/", follow=True)
    assert response.redirect_chain == [(f"/jobs/{job.pk}/", 302)]
    assert "Retry" in text_of(response)
    refused = page.post(f"/jobs/{job.pk}/cancel/")
    assert refused.status_code == 409
    assert "a cancelled job cannot become cancelled" in text_of(refused)


def test_htmx_gets_the_panel_alone_and_stops_asking_once_the_job_has_ended(
    page: Client, job: Job
) -> None:
    panel = text_of(page.get(f"/jobs/{job.pk}/", headers=HTMX))
    assert "<html" not in panel
    assert 'hx-trigger="every 2s"' in panel
    ended = page.post(f"/jobs/{job.pk}/cancel/", headers=HTMX)
    assert ended.status_code == 200
    assert "hx-trigger" not in text_of(ended)
    refused = page.post(f"/jobs/{job.pk}/cancel/", headers=HTMX)
    assert refused.status_code == 409
    assert 'role="alert"' in text_of(refused)
    assert "hx-trigger" in text_of(page.post(f"/jobs/{job.pk}/retry/", headers=HTMX))


def test_why_a_job_waits_stands_on_its_page(page: Client, job: Job) -> None:
    Job.objects.update(reason="No worker offers cuda: <nobody>")
    shown = text_of(page.get(f"/jobs/{job.pk}/"))
    assert "No worker offers cuda: &lt;nobody&gt;" in shown


@pytest.mark.django_db(transaction=True)
def test_the_result_is_downloaded_from_the_page_until_it_is_gone(
    page: Client, job: Job, settings
) -> None:
    early = page.get(f"/jobs/{job.pk}/result/")
    assert early.status_code == 409
    assert "The job is queued" in text_of(early)
    execution.execute(job.pk, WORKER)
    assert "Download the result" in text_of(page.get(f"/jobs/{job.pk}/"))
    response = page.get(f"/jobs/{job.pk}/result/")
    assert json.loads(b"".join(response.streaming_content))["rows"] == 10
    job.refresh_from_db()
    let_time_pass(job, settings.JOB_DAYS * 24 * 3600 + 1)
    assert page.get(f"/jobs/{job.pk}/result/").status_code == 410


def test_the_list_shows_progress_and_filters(page: Client, job: Job, student: User) -> None:
    other, _ = services.queue_job(student, body_of(3))
    services.cancel_job(other)
    held(job)
    Job.objects.filter(pk=job.pk).update(done=5)
    shown = text_of(page.get("/jobs/"))
    assert 'value="0.5000"' in shown
    assert "5 / 10" in shown
    assert str(other.pk) in shown
    filtered = text_of(page.get("/jobs/", {"status": "running"}))
    assert str(job.pk) in filtered
    assert str(other.pk) not in filtered
    assert "No such job" in text_of(page.get("/jobs/", {"model": "nobody"}))
    alone = text_of(page.get("/jobs/", headers=HTMX))
    assert alone.lstrip().startswith('<div class="table-wrap" id="job-table"')
    assert page.get("/jobs/", {"cursor": "?"}).status_code == 302


def test_an_empty_list_shows_a_line_that_starts_a_job(
    web_server: str, student: User, version: object
) -> None:
    """As it is printed on the page, in a shell."""
    client = Client(headers={"host": web_server.removeprefix("http://")})
    client.force_login(student)
    (line,) = [
        part.partition("</pre>")[0]
        for part in text_of(client.get("/jobs/")).split('<pre id="curl-line">')[1:]
    ]
    _, secret = issue_token(student, "program", [Scope.PREDICT])
    done = subprocess.run(
        ["bash", "-c", f"{html.unescape(line)} --silent"],
        env={"HAMLET_TOKEN": secret, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["progress"]["total"] == 1
    assert str(Job.objects.get().pk)[:8] in text_of(client.get("/jobs/"))


# -- on the command line --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_command_lists_steers_and_fetches(job: Job, capsys, tmp_path) -> None:
    short = str(job.pk)[:8]
    call_command("jobs", "list")
    assert f"{short}  prediction  queued  0/10" in capsys.readouterr().out
    call_command("jobs", "cancel", short)
    assert "is cancelled" in capsys.readouterr().out
    with pytest.raises(CommandError, match="so it has no result"):
        call_command("jobs", "result", short)
    call_command("jobs", "retry", short)
    assert "is queued" in capsys.readouterr().out
    execution.execute(job.pk, WORKER)
    call_command("jobs", "show", short)
    assert "10 of 10 rows" in capsys.readouterr().out
    call_command("jobs", "result", short)
    assert json.loads(capsys.readouterr().out)["rows"] == 10
    call_command("jobs", "result", short, "--output", str(tmp_path / "answer.json"))
    assert json.loads((tmp_path / "answer.json").read_bytes())["model"] == "walker"
    assert_right(job)
    call_command("jobs", "list", "--status", "failed")
    assert "There is no such job" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["abc", "ffffffff"])
def test_the_command_says_what_is_wrong_with_an_id(job: Job, wrong: str) -> None:
    with pytest.raises(CommandError, match="characters of the job's id|No job's id begins"):
        call_command("jobs", "show", wrong)
    assert Job.objects.get().status == JobStatus.QUEUED
