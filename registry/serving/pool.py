"""Loaded models, ready to answer: least recently used, bounded in memory, loaded once.

Many requests that miss at once load once: the first loads and the others wait for it. Until a
model is loaded its file's size stands for it, then what it really takes. Whoever answers with a
model keeps it alive until he is done, also when it has left the pool meanwhile.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from registry.serving.errors import ModelTooLargeError, TooBusyError

MOST_MODELS = 64


class File(Protocol):
    """What the pool needs to know of a file before it is loaded."""

    @property
    def sha256(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...


@dataclass
class Entry:
    """A model in the pool, or on its way into it. Its room is taken from the first moment."""

    model: Future[Any]
    size_bytes: int
    loaded: Any = None


class ModelPool:
    """Thread-safe. Keyed by the sha256 of the file, so that it never holds stale weights."""

    def __init__(
        self,
        load: Callable[[Any], Any],
        *,
        capacity_bytes: int,
        most_models: int = MOST_MODELS,
    ) -> None:
        """Args: load: makes a model of a file; what it makes may say its `memory_bytes`."""
        self._load = load
        self._capacity_bytes = capacity_bytes
        self._most_models = most_models
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._used_bytes = 0

    def peek(self, file: File) -> Any | None:
        """The model of this file if it is loaded, without waiting for anybody."""
        digest = file.sha256
        entry = self._entries.get(digest)
        if entry is None or entry.loaded is None:
            return None
        with self._lock:
            if digest in self._entries:
                self._entries.move_to_end(digest)
        return entry.loaded

    def get(self, file: File) -> Any:
        """The model of this file, loaded if it is not in the pool.

        Raises: CheckpointError, ArtifactDamagedError; OverloadedError if it cannot fit.
        """
        entry, first = self._find_or_reserve(file)
        if not first:
            return entry.model.result()
        try:
            model = self._load(file)
            self._correct(file.sha256, entry, getattr(model, "memory_bytes", file.size_bytes))
        except BaseException as error:
            # Whoever waits gets the same reason; the next request tries again.
            self._forget(file.sha256)
            entry.model.set_exception(error)
            raise
        entry.loaded = model
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

    def _find_or_reserve(self, file: File) -> tuple[Entry, bool]:
        with self._lock:
            if entry := self._entries.get(file.sha256):
                self._entries.move_to_end(file.sha256)
                return entry, False
            self._make_room(file.size_bytes, one_more=True)
            entry = Entry(Future(), file.size_bytes)
            self._entries[file.sha256] = entry
            self._used_bytes += entry.size_bytes
            return entry, True

    def _correct(self, digest: str, entry: Entry, size_bytes: int) -> None:
        """Let the size be that of the loaded model. Raises: OverloadedError."""
        with self._lock:
            self._used_bytes -= entry.size_bytes
            entry.size_bytes = 0
            self._make_room(size_bytes, one_more=False)
            entry.size_bytes = size_bytes
            self._used_bytes += size_bytes

    def _make_room(self, size_bytes: int, *, one_more: bool) -> None:
        if size_bytes > self._capacity_bytes:
            raise ModelTooLargeError(
                f"this model has {size_bytes} bytes; the server keeps at most "
                f"{self._capacity_bytes} bytes of models in memory (HAMLET_MODEL_POOL_BYTES)"
            )
        # A model that is being loaded has waiters, so only loaded ones may go.
        loaded = [key for key, entry in self._entries.items() if entry.model.done()]
        for digest in loaded:
            if self._fits(size_bytes, one_more):
                return
            self._used_bytes -= self._entries.pop(digest).size_bytes
        if not self._fits(size_bytes, one_more):
            raise TooBusyError("all room for models is taken by models being loaded; try again")

    def _fits(self, size_bytes: int, one_more: bool) -> bool:
        return (
            self._used_bytes + size_bytes <= self._capacity_bytes
            and len(self._entries) + one_more <= self._most_models
        )

    def _forget(self, digest: str) -> None:
        with self._lock:
            self._used_bytes -= self._entries.pop(digest).size_bytes


_pool: ModelPool | None = None
_pool_lock = threading.Lock()


def shared_pool() -> ModelPool:
    """The pool of this process."""
    global _pool
    with _pool_lock:
        if _pool is None:
            from registry.serving.engines import load_servable  # brings torch

            _pool = ModelPool(load_servable, capacity_bytes=settings.MODEL_POOL_BYTES)
        return _pool
