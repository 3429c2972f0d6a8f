"""The lines of docs/manual/jobs.md, one after the other, on a real job."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from registry.jobs import execution
from registry.jobs.models import Job, JobStatus
from tests.jobs.rows import WORKER

PAGE = Path(__file__).resolve().parents[2] / "docs" / "manual" / "jobs.md"
LINE = re.compile(r"^manage\.py jobs (.*)$", re.MULTILINE)
WRITTEN_ID = "6f1c9b0e"


def run(line: str, job: Job) -> str:
    output = StringIO()
    call_command("jobs", *shlex.split(line.replace(WRITTEN_ID, str(job.pk)[:8])), stdout=output)
    job.refresh_from_db()
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_what_is_printed_for_the_command_line_works(job: Job, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    listing, show, cancel, retry, result = LINE.findall(PAGE.read_text(encoding="utf-8"))
    assert str(job.pk)[:8] not in run(listing, job)
    assert "queued" in run(show, job)
    run(cancel, job)
    assert job.status == JobStatus.CANCELLED
    run(retry, job)
    assert job.status == JobStatus.QUEUED
    execution.execute(job.pk, WORKER)
    run(result, job)
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["rows"] == 10
    assert set(answer) == fields_that_the_page_names()


def fields_that_the_page_names() -> set[str]:
    text = PAGE.read_text(encoding="utf-8")
    sentence = re.search(r"in the order of the question: (.*?)\. ", text, re.DOTALL)[1]
    return set(re.findall(r"`(\w+)`", sentence))
