"""What a deletion for good takes along, what it leaves behind, and what stands in its way.

Everything is found by the relations that Django knows, so a table that points at versions one day
is in the preview without a word here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CASCADE, DO_NOTHING, SET_NULL, ForeignObjectRel, Model, QuerySet

from hamlet.schema import canonical_json
from registry.artifacts.models import Artifact
from registry.models import Alias, AliasMove, ModelVersion, RegisteredModel
from registry.names import LATEST
from registry.versions.models import VersionStatus

Subject = RegisteredModel | ModelVersion
MOST_EXAMPLES = 10
MOST_COUNTED = 100_000
IN_SERVICE = (VersionStatus.STAGED, VersionStatus.DEPLOYED)
# What points at a version and protects it, but lets go while it is deleted for good.
LETS_GO = {
    (ModelVersion, "parent"): "stay, without a parent",
    (AliasMove, "old_version"): "stay in the history and keep the number",
    (AliasMove, "new_version"): "stay in the history and keep the number",
}


@dataclass(frozen=True)
class Part:
    """Some rows of one kind. `fate` says what becomes of them, `examples` names a few."""

    kind: str
    count: int
    fate: str
    examples: list[str]


@dataclass
class Preview:
    """What deleting a version or a model would do at this moment.

    Attributes:
        blockers: why it cannot be deleted now, each with what to do.
        token: shows that this preview was seen; another one, as soon as more or less would go.
    """

    kind: str
    name: str
    blockers: list[str] = field(default_factory=list)
    goes: list[Part] = field(default_factory=list)
    stays: list[Part] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    token: str = ""


def preview(subject: Subject) -> Preview:
    """Look at everything that points at a version or a model. Changes nothing."""
    gone = Gone(subject)
    found = Preview(
        kind="version" if isinstance(subject, ModelVersion) else "model",
        name=name_of(subject),
        blockers=[*blockers(subject, gone)],
        goes=[part_of(model, gone.rows(model), "go") for model in gone.models()],
        stays=gone.stays,
        files=sorted(gone.files()),
    )
    sizes = Artifact.objects.filter(pk__in=found.files).values_list("size_bytes", flat=True)
    found.freed_bytes = sum(sizes)
    found.token = token_of(subject, gone, found.files)
    return found


def name_of(subject: Subject) -> str:
    """What a person types to confirm: `walker`, or `walker/1.0.0`."""
    if isinstance(subject, ModelVersion):
        return f"{subject.model.name}/{subject.number}"
    return subject.name


def token_of(subject: Subject, gone: Gone, files: list[str]) -> str:
    rows = {model._meta.label: sorted(map(str, gone.ids(model))) for model in gone.models()}
    shown = [type(subject).__name__, subject.pk, rows, sorted(gone.orphans), files]
    return hashlib.sha256(canonical_json(shown).encode()).hexdigest()


class Gone:
    """The rows that go with a version or a model, by table, and what is left of the others."""

    def __init__(self, subject: Subject) -> None:
        self._ids: dict[type[Model], set[Any]] = {}
        self.stays: list[Part] = []
        self.orphans: set[int] = set()  # versions that lose their parent
        self.protected: list[Part] = []
        self._add(type(subject), {subject.pk})
        if isinstance(subject, RegisteredModel):
            self._add(AliasMove, set(subject.alias_moves.values_list("pk", flat=True)))
            self._add(ModelVersion, set(subject.versions.values_list("pk", flat=True)))
        elif latest := latest_alone(subject):
            self._ids[Alias] = {latest.pk}
        self._leave()

    def models(self) -> list[type[Model]]:
        return sorted(self._ids, key=lambda model: model._meta.label)

    def ids(self, model: type[Model]) -> set[Any]:
        return self._ids.get(model, set())

    def rows(self, model: type[Model]) -> QuerySet:
        return model._base_manager.filter(pk__in=self.ids(model)).order_by("pk")

    def files(self) -> Iterator[str]:
        """Files of what goes that nothing else uses."""
        used: set[str] = set()
        for model in self.models():
            for name in artifact_fields(model):
                used |= set(self.rows(model).values_list(name, flat=True)) - {None}
        for relation in to(Artifact):
            others = pointing(relation, used).exclude(pk__in=self.ids(relation.related_model))
            used -= set(others.values_list(relation.field.name, flat=True))
        yield from used

    def _add(self, model: type[Model], ids: set[Any]) -> None:
        """With all that cascades from them."""
        new = ids - self.ids(model)
        if not new:
            return
        self._ids.setdefault(model, set()).update(new)
        for relation in to(model):
            if relation.on_delete is CASCADE:
                rows = pointing(relation, new)
                self._add(relation.related_model, set(rows.values_list("pk", flat=True)))

    def _leave(self) -> None:
        """What points at rows that go, and does not go."""
        for model in self.models():
            for relation in to(model):
                if relation.on_delete is CASCADE:
                    continue
                rows = pointing(relation, self.ids(model))
                if others := self.ids(relation.related_model):
                    rows = rows.exclude(pk__in=others)
                self._sort(relation, rows)

    def _sort(self, relation: ForeignObjectRel, rows: QuerySet) -> None:
        if not rows.exists():
            return
        fate = LETS_GO.get((relation.related_model, relation.field.name))
        if relation.related_model is ModelVersion and relation.field.name == "parent":
            self.orphans |= set(rows.values_list("pk", flat=True))
        if fate is None and relation.on_delete is SET_NULL:
            fate = "stay, and point at it no more"
        if fate is None and relation.on_delete is DO_NOTHING:
            fate = "stay as they are"
        part = part_of(relation.related_model, rows, fate or "hold it")
        (self.stays if fate else self.protected).append(part)


def to(model: type[Model]) -> list[ForeignObjectRel]:
    """Every foreign key that points at a table, also those without a name for the way back."""
    fields = model._meta.get_fields(include_hidden=True)
    return [
        found
        for found in fields
        if isinstance(found, ForeignObjectRel) and not found.many_to_many and found.auto_created
    ]


def pointing(relation: ForeignObjectRel, ids: set[Any]) -> QuerySet:
    rows = relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": ids})
    return rows.order_by()


def artifact_fields(model: type[Model]) -> list[str]:
    return [
        found.name
        for found in model._meta.concrete_fields
        if found.is_relation and found.related_model is Artifact
    ]


def part_of(model: type[Model], rows: QuerySet, fate: str) -> Part:
    count = rows[: MOST_COUNTED + 1].count()
    # With what their names are made of: the version's model, for one.
    examples = [str(row)[:120] for row in rows.select_related()[:MOST_EXAMPLES]]
    name = model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural
    return Part(str(name), count, fate, examples)


def latest_alone(version: ModelVersion) -> Alias | None:
    """`latest`, where there is no other version that it could move to."""
    others = version.model.versions.exclude(pk=version.pk)
    if others.exclude(card__status=VersionStatus.ARCHIVED).exists():
        return None
    return version.aliases.filter(name=LATEST).first()


def blockers(subject: Subject, gone: Gone) -> Iterator[str]:
    """Why it cannot be deleted now."""
    if isinstance(subject, ModelVersion):
        names = sorted(subject.aliases.exclude(name=LATEST).values_list("name", flat=True))
        if names:
            yield f"It is named by {', '.join(names)}. Move or remove these aliases first."
    else:
        protected = subject.aliases.filter(protected=True).values_list("name", flat=True)
        if names := sorted(protected):
            yield f"{', '.join(names)} is protected. Take the protection away first."
    served = gone.rows(ModelVersion).filter(card__status__in=IN_SERVICE)
    for version in served.select_related("card")[:MOST_EXAMPLES]:
        yield f"{version.number} is {version.card.status}. Take it out of service first."
    yield from at_work(gone)
    for part in gone.protected:
        if part.kind not in ("alias", "aliases"):
            yield f"{part.count} {part.kind} need it: {', '.join(part.examples[:3])}."


def at_work(gone: Gone) -> Iterator[str]:
    """Runs, jobs and whatever else goes on: rows with a status that have not ended."""
    seen = set()
    for model in gone.models():
        for relation in to(model):
            names = {found.name for found in relation.related_model._meta.concrete_fields}
            if not {"status", "ended_at"} <= names or relation.related_model in seen:
                continue
            rows = pointing(relation, gone.ids(model)).filter(ended_at=None)
            if count := rows.count():
                seen.add(relation.related_model)
                meta = relation.related_model._meta
                kind = meta.verbose_name if count == 1 else meta.verbose_name_plural
                yield f"{count} {kind} that use it have not ended. Cancel them, or wait."
