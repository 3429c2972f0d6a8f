"""Datasets as jobs: built from the games one may learn from, or from a file of examples.

The library builds in a folder, in bounded memory; then manifest and shards go into the artifact
store, and one transaction makes the dataset ready.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from hamlet.datasets.options import read_options
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Integer, Section, Text, Unread, validate
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_verified, store_file
from registry.jobs.errors import JobFailedError
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import ENDED, Job
from registry.models import Classroom, User
from training.datasets.choosing import chosen_games
from training.datasets.errors import DatasetNameTakenError
from training.datasets.models import Dataset, DatasetShard
from training.games.queries import stream_games, usable_games
from training.games.reading import find_classroom

if TYPE_CHECKING:
    from hamlet.datasets.manifest import Manifest
    from registry.jobs.context import JobContext

NAME = "dataset"
FORMATS = ("json", "csv")
SHARD_MEDIA_TYPE, MANIFEST_MEDIA_TYPE = "application/vnd.safetensors", "application/json"
RESERVED = ("build", "import")
ABANDONED_AFTER_S = 24 * 3600.0
LINES_AT_ONCE = 4096
SLUG = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
REQUEST = Section(
    {
        "name": Text(pattern=SLUG, shape="up to 100 letters, digits, _ or -", longest=100),
        "description": Text(default="", longest=2000),
        "classroom": Unread(
            str | int, "the name or number of a class", default=None, optional=True
        ),
        "seed": Integer(0, 2**63 - 1, default=0),
        "options": Unread(dict, "a mapping", default=None, optional=True),
        "format": Choice(*FORMATS, default=None, optional=True),
        "examples": Unread(list, "a list of examples", default=None, optional=True),
        "file": Text(
            default=None, longest=64, optional=True
        ),  # sha256 of an upload; of views alone
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args:
        request: `name`, `options` and `seed`, `description`, `classroom`; from a file `file` and
            `format` besides; `examples` in place of games.
    Raises: SpecError naming every fault, an example's by its index.
    """
    problems: list[Problem] = []
    given = dict(request) if isinstance(request, Mapping) else request
    examples = given.pop("examples", None) if isinstance(given, dict) else None
    asked = validate(REQUEST, snake_cased(given, "", problems))
    classroom, options = None, None
    try:
        classroom = find_classroom(user, asked["classroom"])
    except SpecError as error:
        problems += error.problems
    try:
        # A file without options is kept as it is; what was exported stays the same dataset.
        if asked["options"] is not None or not asked["file"]:
            options = read_options(asked["options"])
    except SpecError as error:
        problems += error.problems
    if asked["name"] in RESERVED:
        problems.append(
            Problem("name", f"{asked['name']!r} is an address of its own; take another")
        )
    if examples is not None:
        problems += faults_of(examples)
    if problems:
        raise SpecError(problems)
    kept = {"options": options, "seed": asked["seed"], "format": asked["format"]}
    if examples is not None:
        question, total, kept["format"] = keep_examples(examples), len(examples), "json"
    elif asked["file"]:
        question, total = Artifact.objects.get(pk=asked["file"]), None
    else:
        question, total = None, chosen_games(user, kept)
    return Prepared(
        request=kept,
        total=total,
        classroom=classroom,
        question=question,
        on_made=lambda job: make_row(job, asked, options, classroom),
    )


def faults_of(examples: Any) -> list[Problem]:
    from hamlet.datasets.given_examples import read_examples

    try:
        read_examples(examples)
    except SpecError as error:
        return list(error.problems)
    return []


def keep_examples(examples: list[Any]) -> Artifact:
    lines = b"".join(orjson.dumps(example) + b"\n" for example in examples)
    return store_file(lines, "application/x-ndjson")


def make_row(
    job: Job,
    asked: Mapping[str, Any],
    options: Mapping[str, Any] | None,
    classroom: Classroom | None,
) -> None:
    """Raises: DatasetNameTakenError."""
    given_up = Q(job=None) | Q(job__status__in=ENDED)
    same_name = Dataset.objects.filter(name=asked["name"], manifest=None, owner=job.owner)
    same_name.filter(given_up).delete()  # one that never came to be
    try:
        with transaction.atomic():
            Dataset.objects.create(
                name=asked["name"],
                description=asked["description"],
                owner=job.owner,
                classroom=classroom,
                options=options or {},
                seed=asked["seed"],
                job=job,
            )
    except IntegrityError:
        raise DatasetNameTakenError(
            f"The name {asked['name']!r} is taken, and a dataset never changes. Choose another."
        ) from None


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    dataset = Dataset.objects.filter(job=context.job).first()
    if dataset is None:
        raise JobFailedError("Its dataset is gone. Send the job again.")
    with folder_of(context.job) as folder:
        if context.job.question is not None:
            manifest = from_file(context, folder)
        else:
            manifest = from_games(context, folder)
        keep(context, dataset, folder, manifest)
    result = {
        "dataset": dataset.name,
        "total_examples": manifest.total_examples,
        "manifest_hash": manifest.hash,
    }
    return Finished(result=result)


def from_games(context: JobContext, folder: Path) -> Manifest:
    from hamlet.datasets.building import build_dataset
    from hamlet.evaluation.connect_four_sets import shipped_keys

    user, asked = context.need_owner(), context.request
    games = usable_games(user).filter(pk__lte=asked["newest_game"])
    return build_dataset(
        folder,
        stream_games(games, reader=user.pk),
        asked["options"],
        seed=asked["seed"],
        evaluation_sets=shipped_keys(),
        progress=lambda read_so_far, _: context.progress(read_so_far),
    )


def from_file(context: JobContext, folder: Path) -> Manifest:
    """Raises: InputError naming the first wrong examples by their index, DatasetError."""
    from hamlet.datasets.importing import import_dataset
    from hamlet.evaluation.connect_four_sets import shipped_keys

    asked, counted = context.request, 0

    def lines(text: io.TextIOWrapper) -> Iterator[str]:
        nonlocal counted
        for line in text:
            yield line
            counted += 1
            if counted % LINES_AT_ONCE == 0:
                context.progress(counted)

    with open_verified(context.job.question) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        return import_dataset(
            folder,
            lines(text),
            asked["format"],
            asked["options"],
            seed=asked["seed"],
            evaluation_sets=shipped_keys(),
        )


def keep(context: JobContext, dataset: Dataset, folder: Path, manifest: Manifest) -> None:
    """Store the files, then make the dataset ready under the lease, in one transaction."""
    files = [
        store_file(folder / shard.file_name, SHARD_MEDIA_TYPE, move=True)
        for shard in manifest.shards
    ]
    stored = store_file(folder / "manifest.json", MANIFEST_MEDIA_TYPE, move=True)

    def make_ready() -> None:
        DatasetShard.objects.bulk_create(
            DatasetShard(dataset=dataset, position=place, artifact=file, rows=shard.rows)
            for place, (file, shard) in enumerate(zip(files, manifest.shards, strict=True))
        )
        Dataset.objects.filter(pk=dataset.pk, manifest=None).update(
            manifest=stored,
            manifest_hash=manifest.hash,
            statistics=manifest.statistics,
            filters=manifest.data["filters"],
            sources=manifest.data["sources"],
            options=manifest.data["options"],
            seed=manifest.data["seed"],
            examples_count=manifest.total_examples,
            ready_at=Now(),
        )

    if not Dataset.objects.filter(pk=dataset.pk).exclude(manifest=None).exists():
        context.write(make_ready, done=max(context.done, context.job.total or 0))


@contextmanager
def folder_of(job: Job) -> Iterator[Path]:
    """A name for a folder on the file system of the store, and what crashes left there gone."""
    base = disk.root() / "building"
    base.mkdir(parents=True, exist_ok=True)
    for left in base.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)
    own = base / str(job.pk)
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    try:
        yield own / "dataset"
    finally:
        shutil.rmtree(own, ignore_errors=True)


def subject(job: Job) -> tuple[str, str]:
    dataset = Dataset.objects.filter(job=job).first()
    return (dataset.name, dataset.get_absolute_url()) if dataset else ("", "")


DATASET = JobKind(
    name=NAME,
    title="Dataset",
    unit="game",
    permission="training.add_dataset",
    refusal="You may not build datasets. Ask an instructor.",
    read=read,
    work=work,
    subject=subject,
    memory_advice="Build from fewer games.",
)
