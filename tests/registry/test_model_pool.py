"""The pool of loaded models: bounded, least recently used first to go, loaded once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hamlet.errors import CheckpointError
from registry.artifacts.models import Artifact
from registry.errors import OverloadedError
from registry.serving.pool import ModelPool


def artifact(name: str, size: int = 10) -> Artifact:
    return Artifact(sha256=name, size_bytes=size, media_type="x")


class Loader:
    """Counts; what it loads is a plain object, since the pool never looks inside."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, found: Artifact) -> object:
        self.loaded.append(found.sha256)
        return object()


def test_model_is_loaded_once_and_then_the_same_object():
    load = Loader()
    pool = ModelPool(load, capacity_bytes=100)
    first = pool.get(artifact("a"))
    assert pool.get(artifact("a")) is first
    assert load.loaded == ["a"]


def test_least_recently_used_goes_first():
    load = Loader()
    pool = ModelPool(load, capacity_bytes=30)
    for name in ("a", "b", "c"):
        pool.get(artifact(name))
    pool.get(artifact("a"))
    pool.get(artifact("d"))
    assert pool.held() == ["c", "a", "d"]
    pool.get(artifact("b"))
    assert load.loaded == ["a", "b", "c", "d", "b"]


def test_memory_is_bounded_by_bytes_and_by_number():
    pool = ModelPool(Loader(), capacity_bytes=100, most_models=3)
    for name in "abcdef":
        pool.get(artifact(name))
    assert len(pool.held()) == 3
    pool.get(artifact("large", 95))
    assert pool.held() == ["large"]
    assert pool.used_bytes == 95


def test_model_larger_than_the_pool_is_refused_and_evicts_nobody():
    pool = ModelPool(Loader(), capacity_bytes=30)
    pool.get(artifact("a"))
    with pytest.raises(OverloadedError, match="31 bytes"):
        pool.get(artifact("huge", 31))
    assert pool.held() == ["a"]


def test_failure_reaches_everybody_who_waited_and_the_next_one_tries_again():
    attempts = []

    def load(found: Artifact) -> object:
        attempts.append(found.sha256)
        if len(attempts) == 1:
            raise CheckpointError("damaged")
        return "model"

    pool = ModelPool(load, capacity_bytes=30)
    with pytest.raises(CheckpointError):
        pool.get(artifact("a"))
    assert pool.used_bytes == 0
    assert pool.get(artifact("a")) == "model"


def test_many_at_once_load_once_and_wait_for_each_other():
    all_here = threading.Barrier(9)
    loading = []

    def load(found: Artifact) -> object:
        loading.append(found.sha256)
        all_here.wait(timeout=10)  # the others ask while this one loads
        return object()

    pool = ModelPool(load, capacity_bytes=30)

    def ask(number: int) -> object:
        if number:
            all_here.wait(timeout=10)
        return pool.get(artifact("a"))

    with ThreadPoolExecutor(9) as threads:
        models = set(map(id, threads.map(ask, range(9))))
    assert loading == ["a"]
    assert len(models) == 1


def test_what_is_being_loaded_is_not_thrown_out():
    started, go_on = threading.Event(), threading.Event()

    def load(found: Artifact) -> object:
        started.set()
        go_on.wait(timeout=10)
        return found.sha256

    pool = ModelPool(load, capacity_bytes=10)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.get, artifact("a"))
        started.wait(timeout=10)
        with pytest.raises(OverloadedError, match="being loaded"):
            pool.get(artifact("b"))
        go_on.set()
        assert waiting.result(timeout=10) == "a"


def test_clearing_gives_the_room_back():
    pool = ModelPool(Loader(), capacity_bytes=30)
    pool.get(artifact("a"))
    pool.clear()
    assert pool.held() == []
    assert pool.used_bytes == 0
