"""What work on a job has in its hands: the request, where to go on, and a proof of its lease."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import orjson
from django.db import transaction

from registry import shutdown
from registry.accounts.models import User
from registry.jobs import dispatch, leases
from registry.jobs.errors import JobFailedError, LeaseLostError
from registry.jobs.heart import Heart
from registry.jobs.leases import Lease
from registry.jobs.models import Job

MAX_STATE_BYTES = 1 << 20
T = TypeVar("T")


class Cancelled(Exception):
    """People want the job to stop."""


class HandedBack(Exception):
    """This worker is asked to stop; another one shall do the job."""


class Resting(Exception):
    """The job waits for something else; until it looks again, its worker does other jobs.

    Attributes: seconds: until then. queue: where it goes on, if not where it was.
    """

    def __init__(self, seconds: float, queue: str | None = None) -> None:
        super().__init__(f"looks again in {seconds} s")
        self.seconds, self.queue = seconds, queue


class JobContext:
    """One attempt at one job.

    Attributes:
        job: the row as it was claimed. request: what was asked, as the kind's `read` left it.
        state: what an earlier worker saved last; None for a job that begins.
        device: `cpu` or `cuda`. lease: the right to write, with its fencing token.
    """

    def __init__(self, job: Job, lease: Lease, heart: Heart) -> None:
        self.job = job
        self.request: Mapping[str, Any] = job.request
        self.state: Any = job.state
        self.device = dispatch.device_of(job)
        self.lease = lease
        self.done = job.done
        self._heart = heart

    @property
    def owner(self) -> User | None:
        """Who asked. Raises: JobFailedError by `need_owner` alone; None if the account is gone."""
        return self.job.owner

    def need_owner(self) -> User:
        """Raises: JobFailedError if the account is gone, as what it may see is not known then."""
        if self.job.owner is None:
            raise JobFailedError("The account that asked for this job is gone. Send it again.")
        return self.job.owner

    def progress(self, done: int, total: int | None = None) -> None:
        """Show how far the job is, and hear whether it goes on. One statement; call it often.

        Raises: LeaseLostError, Cancelled, HandedBack. Let them pass.
        """
        self._check_heart()
        cancel_wished = leases.progress(self.lease, done, total)
        self.done = done
        self._obey(cancel_wished)

    def save(self, state: Any, *, done: int, total: int | None = None) -> None:
        """`progress`, and keep `state` (plain JSON) for the worker that may have to go on.

        Raises: as `progress`; JobFailedError if the state is too large.
        """
        self.write(None, state=state, done=done, total=total)

    def write(
        self,
        action: Callable[[], T] | None,
        *,
        state: Any = None,
        done: int | None = None,
        total: int | None = None,
    ) -> T | None:
        """Call `action` in a transaction that proves the lease first; all of it happens or nothing.

        A worker that was given up can so change nothing, and what it wrote and how far it says it
        is never differ.

        Args:
            state: kept with what `action` writes; None leaves what was saved before.
        Returns: what `action` returns.
        Raises: as `save`, and whatever `action` raises.
        """
        self._check_heart()
        changes = {"state": checked(state), "done": done, "total": total}
        changes = {name: value for name, value in changes.items() if value is not None}
        with transaction.atomic():
            cancel_wished = leases.write(self.lease, **changes)
            returned = action() if action is not None else None
        self.state = self.state if state is None else state
        self.done = self.done if done is None else done
        self._obey(cancel_wished)
        return returned

    def rest(self, seconds: float) -> NoReturn:
        """Let go of the worker, with the state that was saved last, and go on after some seconds.
        For jobs that wait for others: a worker that waits with them would do nothing else.

        Raises: Resting, which is let pass; never returns.
        """
        raise Resting(seconds)

    def move_to(self, family: Mapping[str, str]) -> None:
        """Go on in a queue for other work, unless it is there: `WORK` for what takes minutes, so
        that nobody waits behind it for what takes seconds.

        Raises: Resting, which is let pass.
        """
        queue = family[dispatch.device_of(self.job)]
        if queue != self.job.queue:
            raise Resting(0.0, queue)

    def stop_wished(self) -> bool:
        """Whether the work should come to its next `progress` soon. Costs nothing, so that inner
        loops can ask; a wish to cancel is known after a heartbeat, in seconds."""
        heart = self._heart
        return heart.lost or heart.cancel_wished or shutdown.requested() or shutdown.orphaned()

    def _check_heart(self) -> None:
        if self._heart.lost:
            raise LeaseLostError(f"no heartbeat of job {self.job.pk} was taken for too long")

    def _obey(self, cancel_wished: bool) -> None:
        if cancel_wished:
            raise Cancelled
        if shutdown.orphaned() or shutdown.requested():
            raise HandedBack


def checked(state: Any) -> Any:
    """Raises: JobFailedError if it is larger than a row should be."""
    size = 0 if state is None else len(orjson.dumps(state))
    if size > MAX_STATE_BYTES:
        raise JobFailedError(
            f"What this job has to remember grew to {size} bytes; at most {MAX_STATE_BYTES} are "
            "kept. Ask for less in one job."
        )
    return state
