"""Fill an empty database with as many rows as a busy department has after some years.

Runs are made of real RunSpecs, versions have a real signature; no file is behind a row.
"""

from __future__ import annotations

import random
import uuid
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model

from benchmarks.subjects import town_trainer
from hamlet.systems import SYSTEMS
from registry.accounts.models import Classroom, Membership, Role, User
from registry.models import Alias, Artifact, Checkpoint, ModelVersion, RegisteredModel, VersionCard
from training.models import MetricPoint, Run
from training.run_writer import copy_rows

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = 5  # runs that differ by nothing else
METRICS = tuple(f"metric_{number:02}" for number in range(20))
LEVELS = ("L0", "L0.5", "L1", "L2")
STATUSES = ("succeeded",) * 8 + ("failed", "cancelled")
CARDS = ("registered",) * 5 + ("validated",) * 3 + ("deployed", "archived")
TEAMS = ("blue", "green", "amber", "violet")


class Filling:
    """One filled database.

    Attributes:
        users: whose things they are. compared: ids of the runs that have metric points.
        specs: the RunSpec of each run, in order.
    """

    def __init__(self, options: Namespace) -> None:
        self.options, self.random = options, random.Random(options.seed)
        self.users: list[User] = []
        self.classrooms: list[Classroom] = []
        self.run_ids = [self.uuid() for _ in range(options.runs)]
        self.compared = self.run_ids[-options.compared :]
        self.specs = list(self.make_specs())

    def fill(self) -> Filling:
        self.fill_people()
        self.fill_artifacts()
        self.fill_models()
        self.fill_runs()
        self.fill_versions()
        self.fill_checkpoints()
        self.fill_points()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum has done long before
        return self

    def uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def make_specs(self) -> Iterator[dict[str, Any]]:
        """SEEDS runs of each setting; settings differ in a few of their hundred numbers."""
        bases = [SYSTEMS["town"].build_runspec({"level": level}).to_data() for level in LEVELS]
        for number in range(self.options.runs):
            if number % SEEDS == 0:
                spec = deepcopy(bases[(number // SEEDS) % len(bases)])
                brain = spec["content"]["brain"]
                brain["q_learning"]["gamma"] = round(self.random.uniform(0.9, 0.999), 4)
                brain["optimizer"]["learning_rate"] = round(self.random.uniform(1e-5, 1e-3), 7)
                spec["content"]["training"]["num_envs"] = self.random.choice((1, 8, 16, 64))
            yield {**spec, "seed": number % SEEDS}

    def fill_people(self) -> None:
        for number in range(10):
            classroom = Classroom.objects.create(name=f"Class {number}", join_code=f"code{number}")
            user = User.objects.create_user(f"teacher{number}", password="a-long-password")
            user.groups.add(Group.objects.get(name=Role.INSTRUCTOR))
            Membership.objects.create(classroom=classroom, user=user, teaches=True)
            self.users.append(user)
            self.classrooms.append(classroom)
        admin = User.objects.create_user("operator", password="a-long-password")
        admin.groups.add(Group.objects.get(name=Role.ADMIN))
        self.users.append(admin)

    def owner(self, number: int) -> tuple[int, int]:
        """(owner, class) of the thing of this number."""
        index = number % len(self.classrooms)
        return self.users[index].pk, self.classrooms[index].pk

    def fill_artifacts(self) -> None:
        count = self.options.model_versions + self.options.checkpoints
        self.hashes = [f"{self.random.getrandbits(256):064x}" for _ in range(count)]
        rows = ((sha, 1_200_000, "application/vnd.safetensors", BEGIN) for sha in self.hashes)
        copy(Artifact, ("sha256", "size_bytes", "media_type", "created_at"), rows)

    def fill_models(self) -> None:
        rows = (
            (
                number + 1,
                f"walker-{number:04}",
                "",
                json({"team": TEAMS[number % 4], "course": f"c{number % 50}"}),
                "town",
                *self.owner(number),
                f"1.0.{self.versions_each() - 1}",
                BEGIN + timedelta(hours=number),
            )
            for number in range(self.options.models)
        )
        names = ("id", "name", "description", "tags", "system", "owner", "classroom")
        names += ("highest_number", "created_at")
        copy(RegisteredModel, names, rows)

    def versions_each(self) -> int:
        return max(1, self.options.model_versions // self.options.models)

    def numbers(self) -> dict[str, float]:
        return {name: self.random.gauss(200, 80) for name in METRICS}

    def fill_runs(self) -> None:
        names = ("id", "name", "system", "level", "spec", "spec_hash", "owner", "classroom")
        names += ("queue", "request_hash", "status", "wish", "reason", "done", "total", "unit")
        names += ("latest_metrics", "episodes_dropped", "fencing_token", "attempts")
        names += ("lease_holder", "queued_at", "created_at", "started_at", "ended_at")
        copy(Run, names, map(self.run_row, range(self.options.runs)))

    def run_row(self, number: int) -> tuple:
        spec, at = self.specs[number], BEGIN + timedelta(minutes=10 * number)
        level = spec["content"]["level"]["name"]
        return (
            *(self.run_ids[number], f"Town {level} {number}", "town", level),
            *(json(spec), f"sha256:{number:064x}", *self.owner(number)),
            *("training.cpu", "sha256:0", self.random.choice(STATUSES), "run", ""),
            *(self.options.points, self.options.points, "episode", json(self.numbers())),
            *(0, 1, 0, "", at, at, at, at + timedelta(hours=1)),
        )

    def fill_versions(self) -> None:
        signature = json(town_trainer("L1", seed=0).inference_model().signature().to_data())
        names = ("id", "model", "major", "minor", "patch", "artifact", "format", "signature")
        names += ("brain_spec_hash", "layout_hash", "run_id", "lineage", "parameters", "metrics")
        names += ("registered_by", "created_at")
        each = self.versions_each()
        count = each * self.options.models
        rows = (self.version_row(number, each, signature) for number in range(count))
        copy(ModelVersion, names, rows)
        cards = (
            (n + 1, self.random.choice(CARDS), "", json({"team": TEAMS[n % 4]}), BEGIN)
            for n in range(count)
        )
        copy(VersionCard, ("version", "status", "description", "tags", "changed_at"), cards)
        newest = ((n + 1, (n + 1) * each) for n in range(self.options.models))
        rows = ((model, "latest", version, False) for model, version in newest)
        copy(Alias, ("model", "name", "version", "protected"), rows)

    def version_row(self, number: int, each: int, signature: str) -> tuple:
        has_run = number < self.options.runs
        spec = self.specs[number % self.options.runs]
        lineage = {"level": spec["content"]["level"]["name"], "run_spec": spec, "trainer": "dqn"}
        parameters = {"seed": spec["seed"], "budget": spec["budget"], **spec["content"]}
        return (
            *(number + 1, number // each + 1, 1, 0, number % each, self.hashes[number]),
            *("hamlet", signature, f"sha256:{number % 50:064x}", "sha256:0"),
            *(self.run_ids[number] if has_run else None, json(lineage), json(parameters)),
            *(json(self.numbers()), self.owner(number // each)[0]),
            BEGIN + timedelta(minutes=5 * number),
        )

    def fill_checkpoints(self) -> None:
        runs, first = self.options.runs, self.options.model_versions
        rows = (
            (
                self.run_ids[n % runs],
                "inference",
                n // runs * 100,
                self.hashes[first + n],
                "{}",
                BEGIN,
            )
            for n in range(self.options.checkpoints)
        )
        names = ("run_id", "kind", "at", "artifact", "metadata", "created_at")
        copy(Checkpoint, names, rows)

    def fill_points(self) -> None:
        copy(MetricPoint, ("run", "name", "at", "value"), self.points())

    def points(self) -> Iterator[tuple]:
        for run in self.compared:
            for name in METRICS:
                value = 0.0
                for at in range(1, self.options.points + 1):
                    value += self.random.random() - 0.4
                    yield run, name, at, value


def json(data: Any) -> str:
    return orjson.dumps(data).decode()


def copy(table: type[Model], names: Sequence[str], rows: Iterable[tuple]) -> None:
    """COPY, then let the sequence of the ids go on after what was written."""
    copy_rows(table, names, rows)
    if "id" in names and table._meta.get_field("id").get_internal_type() == "BigAutoField":
        name = table._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
            )
