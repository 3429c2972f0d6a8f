"""The first kind of job: many questions to one version, answered in the order of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hamlet.schema import Choice, Section, validate
from registry.accounts.models import User
from registry.artifacts.store import store_file
from registry.hosts.queues import CPU, CUDA
from registry.jobs import dispatch
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job
from registry.queries import find_version

if TYPE_CHECKING:
    from registry.jobs.context import JobContext

DEVICES = (CPU, CUDA, dispatch.ANY)
DEVICE = Section({"device": Choice(*DEVICES, default=CPU)})


def read(user: User, request: Any) -> Prepared:
    """Check and keep the question.

    Args: request: as `POST /api/v1/predict` takes it, with any number of rows, and `device`.
    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError.
    """
    # These bring torch, which a process that only lists jobs need not load.
    from registry.jobs import questions
    from registry.serving.prediction import split_request
    from registry.serving.targets import target_of

    model, alias_or_number, rest = split_request(request)
    device = read_device(rest)
    version = find_version(user, model, alias_or_number)
    question = questions.read_body(target_of(version).signature, rest)
    artifact = store_file(questions.to_bytes(question), questions.MEDIA_TYPE)
    return Prepared(total=question.rows, version=version, question=artifact, device=device)


def read_device(rest: dict[str, Any]) -> str:
    """Take `device` out of what is asked. Raises: SpecError."""
    given: Mapping[str, Any] = {"device": rest.pop("device")} if "device" in rest else {}
    return validate(DEVICE, given)["device"]


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    from registry.jobs import calculating
    from registry.jobs.answers import store_answer
    from registry.jobs.questions import open_question
    from registry.serving.targets import target_of

    job = context.job
    target = target_of(job.version)
    model = calculating.load_version(job.version, target, context.device)
    question = open_question(model.signature, job.question)
    outputs = calculating.answer_in_chunks(model, question, context.progress)
    # The file first, then the row that names it.
    answer = store_answer(target, model.engine, outputs, question.rows)
    return Finished(answer=answer, done=question.rows)


def subject(job: Job) -> tuple[str, str]:
    version = job.version
    return f"{version.model.name} {version.number}", version.get_absolute_url()


PREDICTION = JobKind(
    name="prediction",
    title="Prediction",
    unit="row",
    permission="registry.predict_modelversion",
    refusal="You may not ask for predictions. Ask an instructor.",
    read=read,
    work=work,
    queues=dispatch.INFERENCE,
    subject=subject,
    memory_advice="Send fewer rows in a job.",
)
