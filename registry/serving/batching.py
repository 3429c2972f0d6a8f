"""Adaptive micro-batching: questions that come while a model is busy run together next.

An idle model answers at once. A very fast one answers on the event loop itself, where a thread
would cost more than the run; a slower one in a thread, and what comes meanwhile waits and is
joined. Nobody waits longer than `MOST_DELAY_S` while another thread is free.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from registry.serving.counting import COUNTS
from registry.serving.engines import LoadedModel
from registry.serving.errors import TooBusyError
from registry.serving.inputs import Arrays, Question
from registry.serving.joining import Outcome, run_together

# A run that takes less is done before a thread would have begun it.
MOST_INLINE_S = 0.0005
# Reading the clock of a thread takes about as long as a small run.
MEASURED_EVERY = 16
MOST_DELAY_S = 0.005
# Joined questions share their slowest, so a batch ends where it would take longer than this.
MOST_BATCH_S = 0.05
MOST_JOINED_ROWS = 256
# Who would wait longer than this is told to come back instead.
MOST_WAIT_S = 5.0


@dataclass(slots=True)
class Ran:
    """An answer, and how it came about.

    Attributes:
        queue_s: waited for its run. run_s: of the whole run. batch_rows: in that run, its own
            and those of others.
    """

    outputs: Arrays
    queue_s: float
    run_s: float
    batch_rows: int


@dataclass(slots=True)
class Waiting:
    question: Question
    answer: asyncio.Future[Ran]
    since: float
    model: LoadedModel


class Batcher:
    """The queue before one model. Lives on one event loop and is called from it alone.

    It keeps no model alive that nobody asks: what left the pool shall leave memory.
    """

    def __init__(
        self,
        model: LoadedModel,
        threads: ThreadPoolExecutor,
        most_waiting: int,
        *,
        most_running: int = 1,
    ) -> None:
        """Args: most_waiting: questions in the queue; more are refused. most_running: `threads`."""
        self._model = weakref.ref(model)
        self._threads = threads
        self._most_running = most_running
        self._most_waiting = most_waiting
        self._queue: deque[Waiting] = deque()
        self._queued_rows = 0
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def model(self) -> LoadedModel:
        """Whoever asks it keeps it alive."""
        model = self._model()
        if model is None:
            raise ReferenceError("this model is gone, and its queue with it")
        return model

    @property
    def is_idle(self) -> bool:
        return not self._running and not self._queue

    def try_now(self, question: Question) -> Ran | None:
        """Answer here and now, if the model is idle and fast enough for that; None otherwise.

        Raises: InputError if the answer is not finite.
        """
        model = self.model
        if not self.is_idle or model.expected_s(question.rows) > MOST_INLINE_S:
            return None
        measured = COUNTS.runs % MEASURED_EVERY == 0
        worked = time.thread_time() if measured else 0.0
        began = time.perf_counter()
        outputs = model.run(question.arrays)
        took_s = time.perf_counter() - began
        if measured:
            model.note_run(question.rows, time.thread_time() - worked)
        COUNTS.runs += 1
        COUNTS.rows += question.rows
        return Ran(outputs, 0.0, took_s, question.rows)

    async def ask(self, question: Question) -> Ran:
        """Wait for a run. One that is cancelled meanwhile leaves the queue.

        Raises: TooBusyError at once if the queue is full; InputError as the model does.
        """
        self._check_room(question)
        answer = asyncio.get_running_loop().create_future()
        waiting = Waiting(question, answer, time.perf_counter(), self.model)
        self._queue.append(waiting)
        self._queued_rows += question.rows
        self._start_runs()
        return await answer

    def _check_room(self, question: Question) -> None:
        wait_s = self.model.expected_s(self._queued_rows) if self._queue else 0.0
        if len(self._queue) < self._most_waiting and wait_s <= MOST_WAIT_S:
            return
        COUNTS.refused_busy += 1
        raise TooBusyError(
            f"{len(self._queue)} requests wait for this model already. "
            f"Try again in {max(1, round(wait_s))} s.",
            retry_after_s=max(1, round(wait_s)),
        )

    def _start_runs(self) -> None:
        """Begin what may begin now, and see to it that what must wait does not wait for ever."""
        while self._queue and self._may_start():
            batch = self._take_batch()
            if batch:
                self._running += 1
                run = asyncio.get_running_loop().run_in_executor(self._threads, self._run, batch)
                run.add_done_callback(lambda done, batch=batch: self._finish(done, batch))
        # With every thread at work, the end of a run looks here again.
        if self._queue and self._timer is None and self._running < self._most_running:
            self._timer = asyncio.get_running_loop().call_later(MOST_DELAY_S, self._wake_up)

    def _may_start(self) -> bool:
        if self._running == 0:
            return True
        waited_s = time.perf_counter() - self._queue[0].since
        return waited_s >= MOST_DELAY_S and self._running < self._most_running

    def _wake_up(self) -> None:
        self._timer = None
        self._start_runs()

    def _take_batch(self) -> list[Waiting]:
        """The next questions whose askers still wait, as many as run well together."""
        batch: list[Waiting] = []
        rows = 0
        model = self._queue[0].model
        most_rows = min(MOST_JOINED_ROWS, model.signature.most_rows)
        while self._queue:
            following = self._queue[0]
            more = rows + following.question.rows
            too_many = more > most_rows or model.expected_s(more) > MOST_BATCH_S
            if batch and too_many:
                break
            self._queue.popleft()
            self._queued_rows -= following.question.rows
            if following.answer.done():  # cancelled: its client has left
                COUNTS.left_before_answer += 1
                continue
            batch.append(following)
            rows = more
        return batch

    def _run(self, batch: list[Waiting]) -> tuple[list[Outcome], float, float, float]:
        """In a thread. Returns: outcomes, when it began, seconds it took, seconds of work."""
        began, worked = time.perf_counter(), time.thread_time()
        outcomes = run_together(batch[0].model, [waiting.question for waiting in batch])
        worked = time.thread_time() - worked
        return outcomes, began, time.perf_counter() - began, worked

    def _finish(self, done: asyncio.Future, batch: list[Waiting]) -> None:
        self._running -= 1
        rows = sum(waiting.question.rows for waiting in batch)
        try:
            outcomes, began, took_s, worked_s = done.result()
        except BaseException as error:  # the threads are being shut down
            outcomes, began, took_s = [error] * len(batch), time.perf_counter(), 0.0
        else:
            note_run(batch[0].model, rows, len(batch), worked_s)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(outcome, BaseException):
                waiting.answer.set_exception(outcome)
            else:
                waiting.answer.set_result(Ran(outcome, began - waiting.since, took_s, rows))
        self._start_runs()


def note_run(model: LoadedModel, rows: int, questions: int, worked_s: float) -> None:
    model.note_run(rows, worked_s)
    COUNTS.runs += 1
    COUNTS.rows += rows
    if questions > 1:
        COUNTS.joined += questions
