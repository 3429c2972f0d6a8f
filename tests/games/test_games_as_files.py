"""Games in and out as files: all or nothing, twice is once, and a fault is named by its index."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry import shutdown
from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.jobs import execution, leases
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.games.conftest import GAMES, Program
from tests.games.records import RED_WINS, YELLOW_WINS, record, searched
from tests.jobs.rows import WORKER
from training.games import importing
from training.games.models import Game

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., Job]


@pytest.fixture
def bring(instructor: User) -> Send:
    """Send a file and do its job, as a worker does."""
    _, secret = issue_token(instructor, "files", [Scope.TRAIN])

    def send(content: bytes, query: str = "") -> Job:
        response = Client().post(
            f"{GAMES}/import?{query}",
            content,
            content_type="application/x-ndjson",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert response.status_code == 202, response.content
        return work(Job.objects.get(pk=response.json()["job_id"]))

    return send


def work(job: Job) -> Job:
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def file_of(count: int = 5, *more: object) -> bytes:
    stamp = "2026-01-01T00:00:00Z"
    games = [searched(id=f"g-{n}", timestamp=stamp) for n in range(count)]
    return b"".join(json.dumps(game).encode() + b"\n" for game in [*games, *more])


def test_what_leaves_comes_back(teacher: Program, student: User, bring: Send) -> None:
    job = bring(file_of(5), "consent=true")
    assert (job.status, job.reason, job.result) == ("succeeded", "", {"games": 5, "new": 5})
    response = teacher.get(f"{GAMES}/export", player="human")
    assert response["Content-Type"] == "application/x-ndjson"
    content = b"".join(response.streaming_content)
    assert [json.loads(line)["id"] for line in content.splitlines()] == [f"g-{n}" for n in range(5)]
    assert bring(content).result == {"games": 5, "new": 0}
    assert set(Game.objects.values_list("consent", flat=True)) == {True}
    other = json.loads(content.splitlines()[0])
    assert other["moves"][3]["visits"] == [3, 1, 2, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (record("434343", id="x", timestamp="2026-01-01"), "games[5].result"),
        (record(id="g-0", timestamp="2026-01-01"), "'g-0' is given twice"),
        ({"id": "x"}, "games[5].moves"),
    ],
)
def test_nothing_is_kept_of_a_file_with_a_fault(bring: Send, fault: object, words: str) -> None:
    job = bring(file_of(5, fault))
    assert job.status == JobStatus.FAILED
    assert words in job.reason
    assert not Game.objects.exists()


def test_an_id_that_names_another_game_is_refused(teacher: Program, bring: Send) -> None:
    teacher.send(GAMES, record(YELLOW_WINS, winner="Yellow", id="g-3"))
    job = bring(file_of(5))
    assert "another game with the id 'g-3'" in job.reason
    assert Game.objects.count() == 1
    assert "not JSON" in bring(b"{").reason


def test_a_stopped_import_goes_on_where_it_was(bring: Send, monkeypatch) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    write = leases.write

    def stop_at_four(lease, **changes):
        if changes.get("state", {}).get("read") == 4:
            shutdown.FLAG[0] = 1
        return write(lease, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "write", stop_at_four)
        job = bring(file_of(7))
    shutdown.FLAG[0] = 0
    assert (job.status, job.done, Game.objects.count()) == (JobStatus.QUEUED, 4, 4)
    assert work(job).result == {"games": 7, "new": 7}
    assert Game.objects.count() == 7


def test_the_command_brings_lists_and_takes(
    instructor: User, student: User, classroom, tmp_path: Path, capsys
) -> None:
    path, out = tmp_path / "games.jsonl", tmp_path / "out.jsonl"
    path.write_bytes(file_of(3))
    user = ("--user", "instructor")
    call_command("games", *user, "import", str(path), "--classroom", classroom.name)
    assert "3 games read, 3 new ones kept" in capsys.readouterr().out
    call_command("games", *user, "list", "--result", "Red")
    assert capsys.readouterr().out.count(RED_WINS) == 3
    call_command("games", "--user", "student", "list")
    assert "There is no such game" in capsys.readouterr().out  # none has consented
    call_command("games", *user, "export", str(out))
    assert "3 games written" in capsys.readouterr().out
    assert len(out.read_bytes().splitlines()) == 3
    path.write_bytes(file_of(3, {"id": "x"}))
    with pytest.raises(CommandError, match=r"games\[3\]"):
        call_command("games", *user, "import", str(path))
    assert Game.objects.count() == 3
    with pytest.raises(CommandError, match="no active user"):
        call_command("games", "--user", "nobody", "list")
