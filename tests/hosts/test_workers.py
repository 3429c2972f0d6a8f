"""What workers say of themselves, and the page and API that show it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import pytest
import redis
from django.test import Client

from registry.accounts.models import Role
from registry.hosts import devices, queries, routing, workers
from registry.hosts.queries import Worker
from registry.models import ModelVersion, User
from tests.jobs.rows import becomes
from tests.running.people import make_classroom, make_person
from tests.running.processes import PlatformProcess
from tests.training.runs import let_time_pass, make_run, wait_until
from training import sweeping
from training.services import queue_run

pytestmark = pytest.mark.django_db
GPU = {
    "kind": "cuda",
    "index": 0,
    "name": "NVIDIA <L4>",
    "memory_total_bytes": 24 * 2**30,
    "memory_free_bytes": 23 * 2**30,
}


@pytest.fixture(autouse=True)
def valkey(redis_url: str) -> None:
    workers.client.cache_clear()
    workers.client().set(workers.SINCE, time.time() - workers.ALL_HEARD_AFTER_S)


@pytest.fixture
def page(instructor: User) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


def overview(client: Client) -> dict:
    return client.get("/api/v1/workers").json()


# -- devices --------------------------------------------------------------------------------------


def test_the_processor_is_always_a_device() -> None:
    found = devices.find_devices()[0]
    assert found["kind"] == "cpu"
    assert found["name"]
    assert found["cores"] >= 1
    assert 0 < found["memory_free_bytes"] <= found["memory_total_bytes"]


def test_a_probe_in_a_process_of_its_own_names_the_gpus() -> None:
    says = [sys.executable, "-c", f"print({json.dumps(json.dumps([GPU]))})"]
    assert devices.cuda_devices(says) == [GPU]


@pytest.mark.parametrize("code", ["raise SystemExit('no driver')", "print('?')"])
def test_a_probe_that_fails_means_no_gpu(code: str, caplog) -> None:
    assert devices.cuda_devices([sys.executable, "-c", code]) == []
    assert "CUDA devices could not be listed" in caplog.text


def test_the_real_probe_agrees_with_torch() -> None:
    import torch

    assert len(devices.cuda_devices()) == (
        torch.cuda.device_count() if torch.cuda.is_available() else 0
    )


# -- routing --------------------------------------------------------------------------------------


def test_who_offers_what() -> None:
    here = Worker("here", ("inference", "inference.gpu"), 0.0, devices=({"kind": "cpu"},))
    there = Worker("there", ("inference.gpu",), 0.0, devices=(GPU,))
    starting = Worker("starting", ("training.gpu",), 0.0)
    assert routing.explanation("inference", [here]) == ""
    assert "sees no such device (here)" in routing.explanation("inference.gpu", [here])
    assert routing.explanation("inference.gpu", [here, there]) == ""
    assert routing.explanation("training.gpu", [starting]) == ""  # it does not know itself yet
    assert "Workers that listen: none" in routing.explanation("training.cpu", [])


@pytest.mark.django_db(transaction=True)
def test_a_run_for_a_gpu_that_nobody_offers_says_so_at_once(instructor: User) -> None:
    workers.note_worker("training@here", ("training.cpu",), {"devices": []})
    request = {"system": "town", "level": "L0", "episodes": 5}
    assert queue_run(instructor, request).reason == ""
    run = queue_run(instructor, {**request, "device": "gpu"})
    run.refresh_from_db()
    assert run.reason.startswith("No worker offers cuda: nobody listens to the queue training.gpu.")
    assert "training@here (training.cpu)" in run.reason
    workers.note_worker("gpu@there", ("training.gpu",), {"devices": [GPU]})
    sweeping.explain_waiting()
    run.refresh_from_db()
    assert run.reason == ""


# -- page and API ---------------------------------------------------------------------------------


def test_page_and_api_show_devices_load_and_loaded_versions(
    page: Client, version: ModelVersion
) -> None:
    said = {
        "host": "gpu1",
        "devices": [GPU],
        "running": 1,
        "limit": 2,
        "pids": [11, 12],
        "software": {"torch": "2.13.0"},
    }
    workers.note_worker("gpu@gpu1", ("inference.gpu",), said)
    workers.note_loaded("gpu@gpu1", 11, [version.artifact_id, "0" * 64])
    workers.note_loaded("gpu@gpu1", 9, ["1" * 64])  # of a process that has ended
    (found,) = overview(page)["workers"]
    assert (found["host"], found["running"], found["limit"]) == ("gpu1", 1, 2)
    assert found["devices"] == [GPU]
    assert (found["versions"], found["loaded_files"]) == (["walker 1.0.0"], 2)
    shown = page.get("/workers/").content.decode()
    for words in ("gpu@gpu1", "NVIDIA &lt;L4&gt;", "1 of 2 tasks", "walker 1.0.0", "torch 2.13.0"):
        assert words in shown


def test_versions_that_one_may_not_see_are_not_named(
    version: ModelVersion, outsider: User, classroom
) -> None:
    stranger = make_person("stranger", Role.INSTRUCTOR, make_classroom("Far away"))
    workers.note_worker("one@here", ("inference",), {"pids": [1]})
    workers.note_loaded("one@here", 1, [version.artifact_id])
    client = Client()
    client.force_login(stranger)
    (found,) = overview(client)["workers"]
    assert (found["versions"], found["loaded_files"]) == ([], 1)


def test_a_worker_that_fell_silent_is_marked_and_serves_nothing(page: Client) -> None:
    workers.note_worker("gone@here", ("inference",), {"devices": []})
    workers.client().zincrby(workers.KEY, -60, "gone@here inference")
    data = overview(page)
    (found,) = data["workers"]
    assert found["silent"] is True
    assert 59 < found["age_s"] < 70
    assert next(q for q in data["queues"] if q["name"] == "inference")["served_by"] == []
    assert "silent" in page.get("/workers/", headers={"HX-Request": "true"}).content.decode()


def test_what_waits_in_a_queue_is_counted_with_its_age(page: Client, job) -> None:
    run = make_run(queue="training.gpu")
    let_time_pass(run, 100)
    by_name = {queue["name"]: queue for queue in overview(page)["queues"]}
    assert by_name["inference"]["waiting"][0]["count"] == 1
    (waiting,) = by_name["training.gpu"]["waiting"]
    assert (waiting["noun"], waiting["count"]) == ("run", 1)
    assert 100 <= waiting["oldest_s"] < 110
    assert "1 run, the first for 10" in page.get("/workers/").content.decode()


def test_without_valkey_the_page_says_so(page: Client, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    workers.client.cache_clear()
    try:
        response = page.get("/workers/")
    finally:
        workers.client.cache_clear()
    assert response.status_code == 200
    assert "does not answer" in response.content.decode()


def test_a_worker_that_ends_is_forgotten_with_all_it_said(redis_url: str) -> None:
    workers.note_worker("one@here", ("inference",), {"host": "here"})
    workers.note_loaded("one@here", 1, ["0" * 64])
    workers.forget_worker("one@here", ("inference",))
    with redis.Redis.from_url(redis_url) as client:
        assert list(client.scan_iter("hamlet:worker:*")) == []
    assert queries.shown_workers() == []


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_says_what_it_is_and_what_it_has_loaded(
    page: Client, job, worker: Callable[..., PlatformProcess]
) -> None:
    worker("inference,inference.gpu", concurrency=2)
    becomes(job, "succeeded")

    def told() -> dict | None:
        found = overview(page)["workers"]
        return found[0] if found and found[0]["devices"] and found[0]["versions"] else None

    found = wait_until(told, what="what the worker says")
    assert found["queues"] == ["inference", "inference.gpu"]
    assert (found["running"], found["limit"]) == (0, 2)
    assert found["devices"][0]["kind"] == "cpu"
    assert found["versions"] == ["walker 1.0.0"]
    assert found["software"]["torch"].startswith("2.")
