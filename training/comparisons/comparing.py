"""The job that compares versions: the metrics they were registered with, and for Connect Four the
mistakes of their raw networks on the evaluation sets that come with the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hamlet.errors import Problem, SpecError, attempt
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import ListOf, Section, Text, validate
from registry.comparing.queries import key_of
from registry.comparing.subjects import finite
from registry.jobs.errors import JobFailedError
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job
from registry.models import ModelVersion, User
from registry.names import read_version_id
from registry.queries import find_version
from training.comparisons.tables import comparison_tables, measured_names
from training.games.evaluating import VersionEvaluator, find_board_version

if TYPE_CHECKING:
    from hamlet.evaluation.connect_four import Mistakes
    from registry.jobs.context import JobContext

NAME = "comparison"
SYSTEM = "connect_four"
MOST_VERSIONS = 6
MOST_REGISTERED = 50  # metrics of one version that are compared
REQUEST = Section(
    {
        "model_ids": ListOf(Text(longest=160), shortest=2, longest=MOST_VERSIONS),
        "metrics": ListOf(Text(longest=100), shortest=1, longest=100, default=None, optional=True),
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args: request: `model_ids`, each `model:number` or `model:alias`, and `metrics`.

    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError.
    """
    from hamlet.evaluation.connect_four_sets import shipped_sets  # brings torch and numba

    problems: list[Problem] = []
    asked = validate(REQUEST, snake_cased(request, "", problems))
    if problems:
        raise SpecError(problems)
    versions = find_versions(user, asked["model_ids"])
    playing = [version for version in versions if plays(user, version)]
    sets = shipped_sets() if playing else []
    wanted = read_metrics(asked["metrics"], versions, sets)
    used = [one for one in sets if wanted.intersection(measured_names([one]))]
    content = {
        "versions": [version.pk for version in versions],
        "playing": [version.pk for version in playing],
        "names": [key_of(version) for version in versions],
        "sets": used,
        "metrics": sorted(wanted),
    }
    rooms = {version.model.classroom for version in versions}
    return Prepared(
        request=content,
        total=len(used) * len(playing),
        classroom=rooms.pop() if len(rooms) == 1 else None,
    )


def find_versions(user: User, ids: Sequence[str]) -> list[ModelVersion]:
    """Raises: SpecError for one that is written wrongly or stands there twice;
    VersionNotFoundError."""
    found: list[ModelVersion] = []
    problems = []
    for index, named in enumerate(ids):
        path = f"model_ids[{index}]"
        read = attempt(problems, read_version_id, named, path)
        if read is None:
            continue
        version = find_version(user, *read)
        if version in found:
            problems.append(Problem(path, f"{version} stands there twice; name it once"))
        found.append(version)
    if problems:
        raise SpecError(problems)
    return found


def plays(user: User, version: ModelVersion) -> bool:
    """Whether it is a network for Connect Four that takes a board. Raises: ArchivedVersionError."""
    if version.model.system != SYSTEM:
        return False
    try:
        find_board_version(user, f"{version.model.name}/{version.number}")
    except SpecError:
        return False
    return True


def read_metrics(
    asked: Sequence[str] | None, versions: Sequence[ModelVersion], sets: Sequence[str]
) -> set[str]:
    """Raises: SpecError naming those that no version has."""
    known = set(measured_names(sets)).union(*(registered_metrics(one) for one in versions))
    problems = [
        Problem(
            f"metrics[{index}]",
            f"found {name[:60]!r}; expected one of {', '.join(sorted(known)) or 'none'}",
        )
        for index, name in enumerate(asked or ())
        if name not in known
    ]
    if problems:
        raise SpecError(problems)
    return known if asked is None else set(asked)


def registered_metrics(version: ModelVersion) -> dict[str, float]:
    """Those that are finite numbers, the first of them by name."""
    found = {name: finite(version.metrics[name]) for name in sorted(version.metrics)}
    there = [(name, value) for name, value in found.items() if value is not None]
    return dict(there[:MOST_REGISTERED])


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack; JobFailedError if a version is gone;
    ArtifactDamagedError, OverloadedError, ArchivedVersionError."""
    asked = context.request
    rows = ModelVersion.objects.select_related("model", "artifact").in_bulk(asked["versions"])
    if gone := [
        n for n, pk in zip(asked["names"], asked["versions"], strict=True) if pk not in rows
    ]:
        raise JobFailedError(f"{', '.join(gone)} was deleted meanwhile. Compare the others.")
    versions = [rows[pk] for pk in asked["versions"]]
    measured = {
        key_of(version): measure(context, version, place)
        for place, version in enumerate(one for one in versions if one.pk in asked["playing"])
    }
    registered = {key_of(version): registered_metrics(version) for version in versions}
    tables = comparison_tables(asked["names"], registered, measured, set(asked["metrics"]))
    return Finished(result=tables, done=context.done)


def measure(context: JobContext, version: ModelVersion, place: int) -> dict[str, Mistakes]:
    """What the raw network gets wrong, by set. Args: place: among the versions measured."""
    from hamlet.evaluation.connect_four import mistakes
    from hamlet.evaluation.connect_four_sets import load_set
    from registry.jobs.calculating import load_version
    from registry.serving.targets import target_of

    evaluate = VersionEvaluator(load_version(version, target_of(version), context.device))
    sets = context.request["sets"]
    found = {}
    for number, name in enumerate(sets):
        context.progress(place * len(sets) + number)
        positions = load_set(name)
        logits, _ = evaluate(positions.own, positions.occupied)
        logits[~positions.legal] = -float("inf")
        found[name] = mistakes(logits.argmax(axis=1), positions)
    context.progress((place + 1) * len(sets))
    return found


def subject(job: Job) -> tuple[str, str]:
    return ", ".join(job.request.get("names", ())), ""


COMPARISON = JobKind(
    name=NAME,
    title="Comparison",
    unit="set",
    permission="registry.predict_modelversion",
    refusal="You may not have versions compared. Ask an instructor.",
    read=read,
    work=work,
    subject=subject,
    memory_advice="Compare fewer versions at once.",
)
