"""The log of predictions: written beside the answers, bounded, partitioned by day, forgotten."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from registry.models import Prediction
from registry.serving.callers import Caller
from registry.serving.counting import COUNTS
from registry.serving.inputs import Question
from registry.serving.log.notes import Noted
from registry.serving.log.partitions import ensure_partition, name_of, partitions, today
from registry.serving.log.sampling import is_kept, read_share
from registry.serving.log.writer import PART_LENGTH, PredictionLog, parts_of
from registry.serving.retention import drop_old_partitions, make_partitions
from registry.serving.targets import target_of

QUESTION = Question({"observation": np.zeros((2, 38), np.float32)}, 2)
TIMING = {"parse": 0.5, "queue": 0.25, "run": 1.5, "total": 3.0}


@pytest.fixture(autouse=True)
def full_log(settings):
    settings.PREDICTION_LOG = "full"


@pytest.fixture
def note(register, student):
    """A row to be, as an answered question leaves it."""
    target = target_of(register())

    def make(request_id: str = "r-1", problem: str = "") -> Noted:
        noted = Noted.begin("predict", Caller(student, None), request_id, target)
        noted.asked(QUESTION)
        noted.gave({"actions": np.array([1, 2])})
        if problem:
            noted.refused(422, problem)
        else:
            noted.answered(TIMING, 5)
        return noted

    return make


def test_row_says_what_was_asked_of_whom_and_how_long_it_took(note, student):
    log = PredictionLog()
    log.add(note())
    assert log.flush()
    row = Prediction.objects.select_related("version", "model").get(request_id="r-1")
    assert (row.user, row.token, row.request_id, row.api) == (student, None, "r-1", "predict")
    assert (row.model.name, row.version.number, row.engine) == ("walker", "1.0.0", "pytorch")
    assert (row.rows, row.batch_rows, row.status, row.problem) == (2, 5, 200, "")
    assert (row.parse_ms, row.queue_ms, row.run_ms, row.total_ms) == (0.5, 0.25, 1.5, 3.0)
    assert row.inputs is None


def test_sampled_rows_carry_inputs_and_outputs(note, settings):
    settings.PREDICTION_PAYLOADS = 1.0
    log = PredictionLog()
    log.add(note())
    assert log.flush()
    row = Prediction.objects.get(request_id="r-1")
    assert row.inputs == {"observation": [[0.0] * 38] * 2}
    assert row.outputs == {"actions": [1, 2]}


def test_words_that_copy_would_misread_arrive_whole(note):
    problem = "tab\there, line\nbreak, back\\slash, \\N and \x00 NUL\r"
    log = PredictionLog()
    log.add(note(problem=problem))
    assert log.flush()
    assert Prediction.objects.get(request_id="r-1").problem == problem.replace("\x00", "")


def test_full_queue_drops_and_counts(note):
    log = PredictionLog(most_rows=2)
    log._thread = "not started, so that nothing is written meanwhile"
    before = COUNTS.log_dropped
    for _ in range(5):
        log.add(note())
    assert COUNTS.log_dropped - before == 3


def test_rows_wait_while_the_table_is_away(note):
    log = PredictionLog()
    before = COUNTS.log_failures
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_prediction RENAME TO registry_prediction_away")
    try:
        log.add(note())
        assert not log.flush(timeout_s=1.5)
        assert COUNTS.log_failures > before
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE registry_prediction_away RENAME TO registry_prediction")
    assert log.flush(timeout_s=10)
    assert Prediction.objects.filter(request_id="r-1").count() == 1


def test_sampling_follows_the_setting(settings):
    settings.PREDICTION_LOG = "off"
    assert not any(is_kept() for _ in range(100))
    settings.PREDICTION_LOG = "sampled:0.5"
    assert 300 < sum(is_kept() for _ in range(1000)) < 700
    for wrong in ("sampled:2", "sampled:x", "some", ""):
        with pytest.raises(ImproperlyConfigured, match="off, full or sampled"):
            read_share(wrong)


@pytest.mark.django_db(transaction=True)
def test_days_are_made_ahead_once():
    far = today() + timedelta(days=1000)
    assert make_partitions(far, 2) == [far + timedelta(days=number) for number in range(3)]
    assert make_partitions(far, 2) == []
    assert name_of(far) in partitions().values()
    with connection.cursor() as cursor:
        for number in range(3):
            cursor.execute(f"DROP TABLE {name_of(far + timedelta(days=number))}")


def test_old_days_are_forgotten_whole(note):
    old = today() - timedelta(days=40)
    ensure_partition(old)
    log = PredictionLog()
    older = note("old")
    older.asked_at = time.time() - 40 * 86400
    log.add(older)
    log.add(note("new"))
    assert log.flush()
    assert drop_old_partitions(0) == []
    assert drop_old_partitions(30) == [old]
    rows = Prediction.objects.filter(request_id__in=["old", "new"])
    assert [row.request_id for row in rows] == ["new"]
    assert old not in partitions()


def test_everybody_reads_their_own_and_those_of_the_models_they_teach(
    note, student, instructor, outsider, admin
):
    log = PredictionLog()
    log.add(note("seen"))
    assert log.flush()
    for person, status in ((student, 200), (instructor, 200), (admin, 200), (outsider, 404)):
        client = Client()
        client.force_login(person)
        assert client.get("/api/v1/predictions/seen").status_code == status
        listed = client.get("/api/v1/predictions?model=walker&version=1.0.0").json()["items"]
        assert [row["request_id"] for row in listed] == ["seen"] * (status == 200)


def test_list_is_filtered_by_version_and_time(note, student):
    log = PredictionLog()
    log.add(note())
    assert log.flush()
    client = Client()
    client.force_login(student)

    def listed(query: str) -> int:
        return len(client.get(f"/api/v1/predictions?{query}").json()["items"])

    assert listed("model=walker&version=latest") == 1
    assert listed("model=walker&version=9.0.0") == 0
    assert listed("model=walker&since=2020-01-01T00:00:00Z") == 1
    assert listed("until=2020-01-01T00:00:00Z") == 0
    wrong = client.get("/api/v1/predictions?version=1.0.0")
    assert wrong.status_code == 422


def test_payload_is_kept_number_by_number(note):
    noted = note("whole")
    noted.inputs = {"observation": np.array([[0.1, -1e-7, 7.5]], np.float32)}
    noted.outputs = {"actions": np.array([2**53]), "legal": np.array([[True, False]])}
    log = PredictionLog()
    log.add(noted)
    assert log.flush()
    row = Prediction.objects.get(request_id="whole")
    assert row.inputs == {name: array.tolist() for name, array in noted.inputs.items()}
    assert row.outputs == {"actions": [2**53], "legal": [[True, False]]}


def test_lines_are_handed_over_in_parts_of_bounded_length(note):
    rows = [note(f"r-{number}") for number in range(4)]
    for noted in rows[1:3]:
        noted.inputs = {"observation": np.zeros(PART_LENGTH, np.float32)}
    moments = [datetime.fromtimestamp(noted.asked_at, UTC) for noted in rows]
    parts = list(parts_of(rows, moments))
    lines = "".join(parts).splitlines()
    assert [line.split("\t")[2] for line in lines] == [noted.request_id for noted in rows]
    assert [part.count("\n") for part in parts] == [2, 1, 1]
