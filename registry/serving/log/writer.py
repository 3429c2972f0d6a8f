"""Writes the log of predictions: by COPY, from a thread of its own, never in the way of an answer.

What waits to be written is bounded in rows and bytes; above that rows are dropped and counted. A
database that is away is tried again, and meanwhile the queue fills. `flush` writes what is there,
at the end of a process.
"""

from __future__ import annotations

import atexit
import logging
import random
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from registry.serving.counting import COUNTS
from registry.serving.log.notes import Noted
from registry.serving.log.partitions import ensure_partition
from registry.serving.log.sampling import is_kept
from registry.serving.models import Prediction
from registry.serving.replies import encode, exact

logger = logging.getLogger(__name__)

MOST_ROWS = 50_000
MOST_PAYLOAD_BYTES = 64 * 2**20
ROWS_AT_ONCE = 5_000
PART_LENGTH = 256 * 1024
EVERY_S = 0.5
RETRY_S = 2.0
FLUSH_S = 5.0
NULL = "\\N"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": ""})

FIELDS = (
    *("asked_at", "id", "request_id", "api", "model_id", "version_id", "user_id", "token_id"),
    *("model_name", "version_number", "artifact_sha256", "engine", "status", "problem", "rows"),
    *("batch_rows", "parse_ms", "queue_ms", "run_ms", "total_ms", "inputs", "outputs"),
)


class PredictionLog:
    """The rows of this process that are to be written. Thread-safe."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._waiting: deque[Noted] = deque()
        self._payload_bytes = 0
        self._lock = threading.Lock()
        self._wake_up = threading.Event()
        self._written = threading.Event()  # nothing waits and nothing is being written
        self._written.set()
        self._thread: threading.Thread | None = None
        self._known_days: set[date] = set()

    def add(self, noted: Noted) -> None:
        """Never waits, never raises."""
        if not is_kept():
            return
        if len(self._waiting) >= self._most_rows:
            COUNTS.log_dropped += 1
            return
        if noted.with_payload:
            self._bound_payload(noted)
        self._waiting.append(noted)
        if self._written.is_set():
            self._written.clear()
        if self._thread is None:
            self._start()

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Have written what waits. Returns: false if something is left after that time."""
        self._wake_up.set()
        return self._written.wait(timeout_s)

    def _bound_payload(self, noted: Noted) -> None:
        size = noted.payload_bytes
        with self._lock:
            if self._payload_bytes + size <= MOST_PAYLOAD_BYTES:
                self._payload_bytes += size
                return
        noted.inputs = noted.outputs = None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="prediction-log", daemon=True
                )
                self._thread.start()
                atexit.register(self.flush)

    def _work(self) -> None:
        while True:
            self._wake_up.wait(EVERY_S)
            self._wake_up.clear()
            if not self._waiting:
                connection.close()  # kept while there is something to write each time
            # What comes meanwhile waits for the next round: few large writes cost less.
            due = len(self._waiting)
            while due > 0:
                if self._write_some():
                    due -= ROWS_AT_ONCE
                    continue
                self._wake_up.clear()  # whoever asked for a flush brings no database back
                self._wake_up.wait(RETRY_S)
            if not self._waiting:
                self._written.set()
                if self._waiting:  # came between the two lines above
                    self._written.clear()

    def _write_some(self) -> bool:
        """Returns: false if that failed; the rows wait on then."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), ROWS_AT_ONCE))]
        try:
            self._copy(batch)
        except Exception as error:  # whatever it is, answers go on and so does this thread
            COUNTS.log_failures += 1
            logger.warning("%d predictions are not written yet: %s", len(batch), error)
            self._known_days.clear()
            self._waiting.extendleft(reversed(batch))
            connection.close()
            return False
        COUNTS.logged += len(batch)
        with self._lock:
            self._payload_bytes -= sum(noted.payload_bytes for noted in batch)
        return True

    def _copy(self, batch: Sequence[Noted]) -> None:
        moments = [datetime.fromtimestamp(noted.asked_at, UTC) for noted in batch]
        for day in {moment.date() for moment in moments} - self._known_days:
            ensure_partition(day)
            self._known_days.add(day)
        table = connection.ops.quote_name(Prediction._meta.db_table)
        names = ", ".join(map(connection.ops.quote_name, FIELDS))
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            for part in parts_of(batch, moments):
                copy.write(part)


def parts_of(batch: Sequence[Noted], moments: Sequence[datetime]) -> Iterator[str]:
    """The lines of all, as many at once as are cheap to hand over; never all payloads in one."""
    part, length = [], 0
    for noted, moment in zip(batch, moments, strict=True):
        line = line_of(noted, moment)
        part.append(line)
        length += len(line)
        if length >= PART_LENGTH:
            yield "".join(part)
            part, length = [], 0
    if part:
        yield "".join(part)


def line_of(noted: Noted, asked_at: datetime) -> str:
    """The values of FIELDS as COPY reads them. Written out here, since psycopg takes four times as
    long for a row, and this thread shares its core with the requests."""
    target, timing = noted.target, noted.timing
    parse, queue = timing.get("parse", 0.0), timing.get("queue", 0.0)
    run, total = timing.get("run", 0.0), timing.get("total", 0.0)
    token = NULL if noted.token_id is None else noted.token_id
    return (
        f"{asked_at.isoformat()}\t{random.getrandbits(63)}\t{noted.request_id}\t{noted.api}\t"
        f"{target.model_id}\t{target.version_id}\t{noted.user_id}\t{token}\t{target.model}\t"
        f"{target.number}\t{target.artifact_sha256}\t{target.servable.engine}\t{noted.status}\t"
        f"{escape(noted.problem)}\t{noted.rows}\t{noted.batch_rows}\t{parse}\t{queue}\t{run}\t"
        f"{total}\t{_as_json(noted.inputs)}\t{_as_json(noted.outputs)}\n"
    )


def escape(text: str) -> str:
    """Text as COPY reads it; no text of PostgreSQL holds NUL."""
    return text.translate(ESCAPES)


def _as_json(arrays: Any) -> str:
    if arrays is None:
        return NULL
    # By orjson: other threads wait while an array is written, and this takes a tenth of the time.
    # JSON has no character but the backslash that COPY would read otherwise.
    return encode(exact(arrays)).decode().replace("\\", "\\\\")


_log = PredictionLog()


def prediction_log() -> PredictionLog:
    """The log of this process."""
    return _log


def keep(notes: Iterable[Noted], status: int, problem: str = "") -> None:
    """Hand over what was gathered of one request; `status` counts where it was refused."""
    for noted in notes:
        if not noted.status:
            noted.refused(status, problem)
        _log.add(noted)
