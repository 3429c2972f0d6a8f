"""Loaded models, ready to answer: least recently used, bounded in memory, loaded once.

Many requests that miss at once load once: the first loads and the others wait for it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import torch
from django.conf import settings

from hamlet.model import HamletModel
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.errors import OverloadedError

MOST_MODELS = 64


@dataclass
class Entry:
    """A model in the pool, or on its way into it. Its room is taken from the first moment."""

    model: Future[HamletModel]
    size_bytes: int


class ModelPool:
    """Thread-safe. Keyed by the sha256 of the file, so that it never holds stale weights."""

    def __init__(
        self,
        load: Callable[[Artifact], HamletModel],
        *,
        capacity_bytes: int,
        most_models: int = MOST_MODELS,
    ) -> None:
        self._load = load
        self._capacity_bytes = capacity_bytes
        self._most_models = most_models
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._used_bytes = 0

    def get(self, artifact: Artifact) -> HamletModel:
        """The model of this file, loaded if it is not in the pool.

        Raises: CheckpointError, ArtifactDamagedError; OverloadedError if it cannot fit.
        """
        entry, first = self._find_or_reserve(artifact)
        if not first:
            return entry.model.result()
        try:
            model = self._load(artifact)
        except BaseException as error:
            # Whoever waits gets the same reason; the next request tries again.
            self._forget(artifact.sha256)
            entry.model.set_exception(error)
            raise
        entry.model.set_result(model)
        return model

    @property
    def used_bytes(self) -> int:
        return self._used_bytes

    def held(self) -> list[str]:
        """Digests in the pool, least recently used first."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        with self._lock:
            for digest in [key for key, entry in self._entries.items() if entry.model.done()]:
                self._used_bytes -= self._entries.pop(digest).size_bytes

    def _find_or_reserve(self, artifact: Artifact) -> tuple[Entry, bool]:
        with self._lock:
            if entry := self._entries.get(artifact.sha256):
                self._entries.move_to_end(artifact.sha256)
                return entry, False
            self._make_room(artifact)
            entry = Entry(Future(), artifact.size_bytes)
            self._entries[artifact.sha256] = entry
            self._used_bytes += entry.size_bytes
            return entry, True

    def _make_room(self, artifact: Artifact) -> None:
        if artifact.size_bytes > self._capacity_bytes:
            raise OverloadedError(
                f"this model has {artifact.size_bytes} bytes; the server keeps at most "
                f"{self._capacity_bytes} bytes of models in memory (HAMLET_MODEL_POOL_BYTES)"
            )
        # A model that is being loaded has waiters, so only loaded ones may go.
        loaded = [key for key, entry in self._entries.items() if entry.model.done()]
        for digest in loaded:
            if self._fits(artifact):
                return
            self._used_bytes -= self._entries.pop(digest).size_bytes
        if not self._fits(artifact):
            raise OverloadedError("all room for models is taken by models being loaded; try again")

    def _fits(self, artifact: Artifact) -> bool:
        return (
            self._used_bytes + artifact.size_bytes <= self._capacity_bytes
            and len(self._entries) < self._most_models
        )

    def _forget(self, digest: str) -> None:
        with self._lock:
            self._used_bytes -= self._entries.pop(digest).size_bytes


def load_model(artifact: Artifact) -> HamletModel:
    # Requests are answered side by side; torch threads inside of one would only get in the way.
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    return HamletModel.load_from_checkpoint(open_artifact(artifact))


_pool: ModelPool | None = None
_pool_lock = threading.Lock()


def shared_pool() -> ModelPool:
    """The pool of this process."""
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ModelPool(load_model, capacity_bytes=settings.MODEL_POOL_BYTES)
        return _pool
