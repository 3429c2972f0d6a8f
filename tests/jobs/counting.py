"""A kind of job as small as one can be: it makes numbered classes, each exactly once.

Imported by a worker (`celery worker -I tests.jobs.counting`), it is known there too.
"""

from __future__ import annotations

import time
from typing import Any

from hamlet.schema import Integer, Number, Section, Text, validate
from registry.accounts.models import Classroom, User
from registry.jobs import kinds
from registry.jobs.context import JobContext
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job

REQUEST = Section(
    {
        "count": Integer(0, 10_000),
        "pause_s": Number(0.0, 1.0, default=0.0),
        "classroom": Text(default=""),
        "padding": Integer(0, 10**7, default=0),
    }
)


def read(user: User, request: Any) -> Prepared:
    asked = validate(REQUEST, request)
    classroom = Classroom.objects.filter(name=asked["classroom"]).first()
    kept = {"count": asked["count"], "pause_s": asked["pause_s"], "text": "x" * asked["padding"]}
    return Prepared(request=kept, total=asked["count"], classroom=classroom)


def work(context: JobContext) -> Finished:
    state = context.state or {"next": 0, "begun_by": context.lease.token}
    for number in range(state["next"], context.request["count"]):
        time.sleep(context.request["pause_s"])  # the work itself
        state = {**state, "next": number + 1}
        context.write(lambda n=number: make(context.job, n), state=state, done=number + 1)
    return Finished(result={"made": state["next"], "begun_by": state["begun_by"]})


def make(job: Job, number: int) -> None:
    name = f"{job.pk} {number}"
    Classroom.objects.create(name=name, join_code=f"{job.pk.hex[:12]}{number}")


def made(job: Job) -> list[int]:
    """The numbers of the classes that this job made, in order."""
    names = Classroom.objects.filter(name__startswith=f"{job.pk} ").values_list("name", flat=True)
    return sorted(int(name.split()[1]) for name in names)


COUNTING = JobKind(
    name="counting",
    title="Counting",
    unit="number",
    permission="training.add_run",
    refusal="You may not count. Ask an instructor.",
    read=read,
    work=work,
)
kinds.register(COUNTING)
