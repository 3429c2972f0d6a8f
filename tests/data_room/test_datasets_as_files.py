"""Datasets out and in again: what leaves comes back the same, and what is wrong is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.test import Client

from hamlet.envs.connect_four.reading_many import write_boards
from hamlet.evaluation.connect_four_sets import load_set, shipped_sets
from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.data_room.conftest import DATASETS
from tests.games.conftest import Program
from training.datasets.models import Dataset

pytestmark = pytest.mark.django_db(transaction=True)
MEDIA_TYPES = {"json": "application/x-ndjson", "csv": "text/csv"}
GOOD = {"board": {"board": "4343", "player": 1}, "move": 3, "value": 1.0}


@pytest.fixture
def send_file(instructor: User):
    _, secret = issue_token(instructor, "files", [Scope.TRAIN])

    def send(content: bytes, name: str, form: str = "json", **query: str):
        address = f"{DATASETS}/import?" + "&".join(
            f"{key}={value}" for key, value in {"name": name, **query}.items()
        )
        headers = {"Authorization": f"Bearer {secret}"}
        return Client().post(address, content, content_type=MEDIA_TYPES[form], headers=headers)

    return send


def exported(teacher: Program, name: str, form: str) -> bytes:
    response = teacher.get(f"{DATASETS}/{name}/export", format=form)
    assert response.status_code == 200
    assert response["Content-Type"] == MEDIA_TYPES[form]
    return b"".join(response.streaming_content)


def lines(*examples: object) -> bytes:
    return b"".join(json.dumps(example).encode() + b"\n" for example in examples)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_leaves_comes_back_as_the_same_dataset(
    teacher: Program, games, done, send_file, form: str
) -> None:
    options = {"augment": {"flip": True}, "include_policy": True}
    done(teacher.send(DATASETS, {"name": "friday", "options": options}))
    content = exported(teacher, "friday", form)
    job = done(send_file(content, "again", form))
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    one, two = (teacher.get(f"{DATASETS}/{name}").json() for name in ("friday", "again"))
    assert one["manifest_hash"] == two["manifest_hash"]
    assert one["options"] == two["options"]
    assert exported(teacher, "again", form) == content


def test_loose_examples_become_a_dataset(teacher: Program, done, send_file) -> None:
    other = {**GOOD, "board": {"board": "1", "player": 2}, "move": 0, "value": -0.5}
    job = done(send_file(lines(GOOD, other), "loose"))
    assert job.result["total_examples"] == 2
    sent = done(teacher.send(DATASETS, {"name": "sent", "examples": [GOOD, other, GOOD]}))
    assert (sent.status, sent.reason) == (JobStatus.SUCCEEDED, "")
    assert sent.result["total_examples"] == 2  # twins were merged
    assert teacher.get(f"{DATASETS}/sent").json()["sources"]["given_examples"] == 3


def test_a_wrong_example_is_named_by_its_index(teacher: Program, done, send_file) -> None:
    wrong = {**GOOD, "move": 9}
    found = teacher.send(DATASETS, {"name": "x", "examples": [GOOD, wrong, {**GOOD, "value": 2}]})
    assert found.status_code == 422
    assert [error["pointer"] for error in found.json()["errors"]] == [
        "/examples/1/move",
        "/examples/2/value",
    ]
    assert not Dataset.objects.exists()
    job = done(send_file(lines(GOOD, wrong), "x"))
    assert job.status == JobStatus.FAILED
    assert "examples[1].move" in job.reason
    assert not Dataset.objects.get().ready
    job = done(send_file(lines(GOOD) + b"{not json}\n", "y"))
    assert "line 2" in job.reason
    job = done(send_file(b"board,colour\r\n", "z", "csv"))
    assert "unknown: colour" in job.reason


def test_what_is_no_file_is_refused_at_once(teacher: Program, send_file) -> None:
    assert send_file(b"", "x").status_code == 422
    assert send_file(lines(GOOD), "a b").status_code == 422
    assert send_file(lines(GOOD), "x", colour="red").status_code == 202  # not a parameter of ours
    assert teacher.send(f"{DATASETS}/import?name=x", {}).status_code == 415
    assert Job.objects.count() == 1


def test_only_a_ready_dataset_leaves(teacher: Program, games) -> None:
    teacher.send(DATASETS, {"name": "friday"})
    response = teacher.get(f"{DATASETS}/friday/export")
    assert response.status_code == 409
    assert "not ready: queued" in response.json()["detail"]
    assert teacher.get(f"{DATASETS}/friday/export", format="xml").status_code == 422


def test_positions_of_the_evaluation_sets_are_counted_and_shown(
    instructor: User, teacher: Program, done, send_file
) -> None:
    """Two positions of a set, one of them as seen from behind the board, and one of no set."""
    positions = load_set("end-easy").positions[:2]
    met = [positions[0], positions[1].mirror()]
    pairs = [np.array([getattr(one, name) for one in met]) for name in ("own", "occupied")]
    boards = write_boards(*pairs).tolist()
    known = [
        {"board": {"board": board}, "move": one.legal_columns()[0], "value": 0.0}
        for board, one in zip(boards, met, strict=True)
    ]
    done(send_file(lines(*known, GOOD), "met"))
    statistics = teacher.get(f"{DATASETS}/met").json()["statistics"]["evaluation_overlap"]
    of = len(load_set("end-easy"))
    assert statistics["end-easy"] == {"examples": 2, "positions": 2, "of": of, "share": 2 / of}
    assert set(statistics) == set(shipped_sets())
    assert statistics["begin-hard"]["positions"] == 0
    page = Client()
    page.force_login(instructor)
    shown = page.get("/datasets/met/").content.decode()
    assert f"<td>2 of {of}</td><td>{2 / of:.1%}</td>" in shown
