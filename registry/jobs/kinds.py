"""The kinds of jobs: what each is called, who may ask for it, how it is read and how it is done.

Predictions are one of them. Apps above the registry add theirs from `AppConfig.ready`:

    register(JobKind(name="selfplay", title="Self-play", unit="game", ..., read=read, work=work))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.accounts.models import Classroom, User
from registry.artifacts.models import Artifact
from registry.hosts.queues import CPU
from registry.jobs.dispatch import WORK
from registry.jobs.errors import JobFailedError
from registry.jobs.models import Job

if TYPE_CHECKING:
    from registry.jobs.context import JobContext
    from registry.models import ModelVersion


@dataclass(frozen=True)
class Prepared:
    """A request that was read and found good: what is stored of it.

    Attributes:
        request: what the worker gets as `context.request`; plain JSON of at most
            `MAX_REQUEST_BYTES`.
        total: units of work; None where only the worker can tell.
        question: a stored file that the worker needs and that goes with the job.
        on_made: called with the new row, in its transaction; what it raises undoes both.
    """

    request: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None
    version: ModelVersion | None = None
    classroom: Classroom | None = None
    question: Artifact | None = None
    device: str = CPU
    on_made: Callable[[Job], None] | None = None


@dataclass(frozen=True)
class Finished:
    """What came of a job.

    Attributes:
        result: plain JSON of at most `MAX_RESULT_BYTES`, shown wherever the job is.
        answer: a stored JSON file, for what is too long for that; it goes with the job.
        done: units, where the last `progress` said less.
    """

    result: Mapping[str, Any] | None = None
    answer: Artifact | None = None
    done: int | None = None


@dataclass(frozen=True)
class JobKind:
    """One kind of work.

    Attributes:
        name: in rows and addresses; never changed, or old rows lose their kind.
        title: for people. unit: of progress, in the singular.
        permission: that the asker's role must have. refusal: what is said to others.
        read: checks a request and everything it names. Raises SpecError naming every fault.
        work: does the job. It calls `context.progress` often, and what that raises it lets pass.
        queues: by device, `WORK` or, for what takes seconds, `INFERENCE`.
        subject: what a job is about, as (words, address of a page or empty).
        memory_advice: what to do when a worker ran out of memory.
    """

    name: str
    title: str
    unit: str
    permission: str
    refusal: str
    read: Callable[[User, Any], Prepared]
    work: Callable[[JobContext], Finished]
    queues: Mapping[str, str] = field(default_factory=lambda: WORK)
    subject: Callable[[Job], tuple[str, str]] | None = None
    memory_advice: str = "Ask for less at once."


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Add a kind; the same one twice is once.

    Raises: ValueError if another one has the name, which is a mistake of ours.
    """
    if _kinds.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"two kinds of jobs are called {kind.name}")


def names() -> list[str]:
    return sorted(_kinds)


def find(name: str) -> JobKind:
    """Raises: JobFailedError for a kind that this process does not know."""
    kind = _kinds.get(name)
    if kind is None:
        raise JobFailedError(
            f"No part of this platform does jobs of the kind {name!r}; known are "
            f"{', '.join(names())}. The worker may be older than the job: start it anew."
        )
    return kind


def unit_of(job: Job) -> str:
    kind = _kinds.get(job.kind)
    return kind.unit if kind else "unit"


def title_of(job: Job) -> str:
    kind = _kinds.get(job.kind)
    return kind.title if kind else job.kind


def subject_of(job: Job) -> tuple[str, str]:
    """What it is about, and the address of a page of that; both may be empty."""
    kind = _kinds.get(job.kind)
    return kind.subject(job) if kind and kind.subject else ("", "")


def reached(job: Job) -> str:
    """How far it is, in words: `4 of 10 rows`."""
    of = "" if job.total is None else f" of {job.total}"
    only_one = (job.done if job.total is None else job.total) == 1
    return f"{job.done}{of} {unit_of(job)}{'' if only_one else 's'}"
