"""Datasets from games over REST: what is built, kept, seen, refused, and never changed."""

from __future__ import annotations

import pytest
from django.db import InternalError, connection
from django.db.utils import IntegrityError

from hamlet.datasets.stored import load_examples
from registry import shutdown
from registry.artifacts import disk
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import artifact_path
from registry.jobs import context, services
from registry.jobs.models import Job, JobStatus
from registry.jobs.retention import forget_old_jobs
from registry.models import Artifact, User
from registry.problems import pointer_of
from tests.data_room.conftest import DATASETS
from tests.games.conftest import GAMES, Program
from tests.games.records import record
from training.datasets.models import Dataset, DatasetShard
from training.datasets.queries import StoredDataset

pytestmark = pytest.mark.django_db(transaction=True)


def problems(response) -> dict[str, str]:
    assert response.status_code == 422, response.content
    return {error["pointer"]: error["detail"] for error in response.json()["errors"]}


def test_a_dataset_is_built_from_one_s_games(teacher: Program, games, done) -> None:
    response = teacher.send(DATASETS, {"name": "friday", "description": "of the club"})
    assert response.json()["dataset"] == "friday"
    assert teacher.get(f"{DATASETS}/friday").json()["status"] == "queued"
    job = done(response)
    assert (job.status, job.reason, job.done) == (JobStatus.SUCCEEDED, "", 3)
    data = teacher.get(f"{DATASETS}/friday").json()
    plies = sum(game["plies"] for game in games)
    assert (data["status"], data["sources"]["games"]) == ("ready", 3)
    # Twelve games' worth of plies, less those of positions that two games share.
    assert 0 < data["total_examples"] <= plies
    assert data["statistics"]["average_game_length"] == pytest.approx(plies / 3)
    assert data["total_examples"] == sum(shard["rows"] for shard in data["shards"])
    assert job.result["manifest_hash"] == data["manifest_hash"]
    arrays = load_examples(StoredDataset(Dataset.objects.get()))
    assert len(arrays["own"]) == data["total_examples"]
    assert not list(disk.root().glob("building/*"))


def test_the_same_games_and_options_give_the_same_files(teacher: Program, games, done) -> None:
    for name in ("one", "two"):
        done(teacher.send(DATASETS, {"name": name, "seed": 3, "options": {"balance": True}}))
    one, two = (teacher.get(f"{DATASETS}/{name}").json() for name in ("one", "two"))
    assert one["manifest_hash"] == two["manifest_hash"]
    assert one["shards"] == two["shards"]
    assert Artifact.objects.count() == 3  # the search's block, one shard, one manifest


def test_filters_say_how_much_each_removed(teacher: Program, games, done) -> None:
    wanted = {"min_length": 8, "date_range": {"from": "2026-01-02T00:00:00Z"}}
    done(teacher.send(DATASETS, {"name": "long", "options": {"filters": wanted}}))
    found = teacher.get(f"{DATASETS}/long").json()
    removed = {entry["filter"]: entry["removed"] for entry in found["filters"]}
    assert removed["date_range"] == 1
    assert removed["min_length"] == 0
    assert found["sources"]["games"] == 2


def test_games_are_chosen_by_our_ids_or_their_sender_s(teacher: Program, games, done) -> None:
    ids = ["red", games[1]["game_id"]]
    options = {"filters": {"game_ids": ids}, "value_target": "outcome"}
    done(teacher.send(DATASETS, {"name": "chosen", "options": options}))
    assert teacher.get(f"{DATASETS}/chosen").json()["sources"]["games"] == 2
    options["filters"]["game_ids"] = ["red", "blue"]
    fault = problems(teacher.send(DATASETS, {"name": "none", "options": options}))
    assert "there is no such game" in fault["/options/filters/game_ids/1"]


def test_a_game_recorded_later_changes_nothing(teacher: Program, games, done) -> None:
    response = teacher.send(DATASETS, {"name": "then"})
    teacher.send(GAMES, record(id="later"))
    done(response)
    assert teacher.get(f"{DATASETS}/then").json()["sources"]["games"] == 3


def test_others_games_without_consent_are_left_out(
    teacher: Program, student: User, classroom, done
) -> None:
    sender = Program(student)
    for consent in (True, False):
        sender.send(GAMES, record(consent=consent, classroom=classroom.name))
    done(teacher.send(DATASETS, {"name": "agreed"}))
    assert teacher.get(f"{DATASETS}/agreed").json()["sources"]["games"] == 1


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "path", "words"),
    [
        ({"name": "a b"}, "name", "letters, digits"),
        ({}, "name", "missing"),
        ({"name": "x", "options": {"augment": {"rotate": True}}}, "options.augment.rotate", "fall"),
        ({"name": "x", "options": {"max_examples": 0}}, "options.max_examples", "from 1"),
        ({"name": "x", "colour": 1}, "colour", "unknown"),
        ({"name": "x", "classroom": "Elsewhere"}, "classroom", "class you are in"),
        ({"name": "x", "file": "0" * 64}, "file", "datasets/import"),
        ({"name": "x", "examples": []}, "examples", "no examples"),
    ],
)
def test_a_fault_is_named_and_nothing_is_made(
    teacher: Program, games, asked, path: str, words: str
) -> None:
    assert words in problems(teacher.send(DATASETS, asked))[pointer_of(path)]
    assert not Dataset.objects.exists()
    assert not Job.objects.exists()


def test_without_games_there_is_no_dataset(teacher: Program) -> None:
    found = problems(teacher.send(DATASETS, {"name": "empty"}))
    assert "there is no game that you may learn from yet" in found["/options"]


def test_filters_that_leave_nothing_fail_the_job_with_what_removed_it(
    teacher: Program, games, done
) -> None:
    options = {"filters": {"min_length": 40}}
    job = done(teacher.send(DATASETS, {"name": "none", "options": options}))
    assert job.status == JobStatus.FAILED
    assert "min_length 3" in job.reason
    data = teacher.get(f"{DATASETS}/none").json()
    assert (data["status"], data["reason"]) == ("failed", job.reason)
    assert not DatasetShard.objects.exists()
    again = teacher.send(DATASETS, {"name": "none"})  # its name is free again
    assert done(again).status == JobStatus.SUCCEEDED


def test_a_name_is_taken_once(teacher: Program, games, done, admin: User) -> None:
    done(teacher.send(DATASETS, {"name": "friday"}))
    refused = teacher.send(DATASETS, {"name": "friday"})
    assert refused.status_code == 409
    assert "Choose another" in refused.json()["detail"]
    assert Job.objects.count() == 1


def test_the_same_key_builds_once(teacher: Program, games) -> None:
    first = teacher.send(DATASETS, {"name": "friday"}, Idempotency_Key="k")
    again = teacher.send(DATASETS, {"name": "friday"}, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["job_id"] == again.json()["job_id"]
    assert again.json()["dataset"] == "friday"


def test_students_look_and_build_nothing(
    teacher: Program, student: User, outsider: User, classroom, games, done
) -> None:
    done(teacher.send(DATASETS, {"name": "ours", "classroom": classroom.name}))
    done(teacher.send(DATASETS, {"name": "mine"}))
    pupil = Program(student)
    assert [item["name"] for item in pupil.get(DATASETS).json()["items"]] == ["ours"]
    assert pupil.get(f"{DATASETS}/mine").status_code == 404
    assert pupil.send(DATASETS, {"name": "x"}).status_code == 403
    assert Program(outsider).get(f"{DATASETS}/ours").status_code == 404


# -- for good -------------------------------------------------------------------------------------


def test_a_ready_dataset_never_changes(teacher: Program, games, done) -> None:
    done(teacher.send(DATASETS, {"name": "friday"}))
    for change in (
        lambda: Dataset.objects.update(seed=7),
        lambda: DatasetShard.objects.update(rows=7),
    ):
        with pytest.raises((IntegrityError, InternalError)):
            change()
    Dataset.objects.update(owner=None)  # an account may go


def test_a_dataset_outlives_its_job_and_its_files_stay(teacher: Program, games, done) -> None:
    done(teacher.send(DATASETS, {"name": "friday"}))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_job SET kept_until = now() - interval '1 day'")
    assert forget_old_jobs() == 1
    data = teacher.get(f"{DATASETS}/friday").json()
    assert (data["status"], data["job_id"]) == ("ready", None)
    assert len(load_examples(StoredDataset(Dataset.objects.get()))["own"])


def test_a_damaged_shard_is_noticed(teacher: Program, games, done) -> None:
    done(teacher.send(DATASETS, {"name": "friday"}))
    shard = DatasetShard.objects.get().artifact
    path = artifact_path(shard)
    path.chmod(0o600)
    path.write_bytes(b"x" * shard.size_bytes)
    with pytest.raises(ArtifactDamagedError):
        load_examples(StoredDataset(Dataset.objects.get()))


def test_a_stopped_worker_leaves_nothing_and_the_next_one_builds_it(
    teacher: Program, games, done, monkeypatch
) -> None:
    response = teacher.send(DATASETS, {"name": "friday"})
    progress = context.JobContext.progress

    def stopped(self, *arguments):
        shutdown.FLAG[0] = 1
        progress(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(context.JobContext, "progress", stopped)
        job = done(response)
    shutdown.FLAG[0] = 0
    assert job.status == JobStatus.QUEUED
    assert not DatasetShard.objects.exists()
    assert not list(disk.root().glob("building/*"))
    assert done(response).status == JobStatus.SUCCEEDED


def test_a_cancelled_build_frees_its_name(teacher: Program, games, done) -> None:
    job = Job.objects.get(pk=teacher.send(DATASETS, {"name": "friday"}).json()["job_id"])
    services.cancel_job(job)
    assert teacher.get(f"{DATASETS}/friday").json()["status"] == "cancelled"
    assert done(teacher.send(DATASETS, {"name": "friday"})).status == JobStatus.SUCCEEDED
