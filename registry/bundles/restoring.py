"""Write the rows of an import as they were on the server that they come from."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.accounts.models import Classroom, User
from registry.aliases.services import SERVICEABLE, move_latest, settle_latest
from registry.artifacts.models import Artifact
from registry.audit import actions
from registry.audit.services import record
from registry.bundles.describing import move_key
from registry.bundles.errors import BundleConflictError, BundleError
from registry.bundles.planning import ModelPlan, number_text
from registry.bundles.readers import Number3, spelt
from registry.models import Alias, AliasMove, ModelVersion, RegisteredModel
from registry.names import LATEST, PRODUCTION
from registry.queries import visible_models
from registry.versions import lifecycle
from registry.versions.models import VersionCard, VersionStatus
from registry.versions.numbering import keep_highest
from registry.versions.sealing import seal_of
from registry.versions.services import ask_check

MOST_NOTES = 100
Member = tuple[str, Number3]  # a version: the name of its model in the bundle, and its number


@dataclass
class Imported:
    """What an import did. `notes` says what could not be kept as it was, in words of the user."""

    models: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    moves: int = 0
    unchanged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.models or self.versions or self.moves)

    def note(self, text: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(text)


def family_order(manifest: Mapping[str, Any]) -> list[Member]:
    """All versions of a bundle, parents before their children. Raises: BundleError for a circle."""
    parents: dict[Member, Member | None] = {}
    for model in manifest["models"]:
        for version in model["versions"]:
            parent = version["parent"]
            known = (parent["model"], parent["number"]) if parent else None
            parents[(model["name"], version["number"])] = known
    ordered: dict[Member, None] = {}
    for member in sorted(parents):
        line: dict[Member, None] = {}
        above: Member | None = member
        while above in parents and above not in ordered:
            if above in line:
                raise BundleError(f"{above[0]} {spelt(above[1])} descends from itself")
            line[above] = None
            above = parents[above]
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)


class Restorer:
    """Writes what plans say, inside the transaction that checked them."""

    def __init__(
        self,
        plans: list[ModelPlan],
        stored: Mapping[str, Artifact],
        user: User | None,
        classroom: Classroom | None,
    ) -> None:
        self.plans = {plan.data["name"]: plan for plan in plans}
        self.stored, self.user, self.classroom = stored, user, classroom
        self.made: dict[Member, ModelVersion] = {}
        self.kept: dict[str, dict[str, Any]] = {
            name: {"versions": {}, "moves": {}} for name in self.plans
        }
        self.imported = Imported()

    def restore(self, order: list[Member]) -> Imported:
        """Args: order: of all versions of the bundle, parents before their children."""
        for plan in self.plans.values():
            if plan.model is None:
                self.make_model(plan)
        missing = {
            (name, data["number"]): data
            for name, plan in self.plans.items()
            for data in plan.missing
        }
        for member in order:
            if member in missing:
                self.made[member] = self.make_version(member[0], missing[member])
        for name, plan in self.plans.items():
            self.move_aliases(name, plan)
            self.settle(name, plan)
            self.take_numbers(plan)
            self.ask_checks(name)
            self.write_down(name, plan)
        return self.imported

    def make_model(self, plan: ModelPlan) -> None:
        data = plan.data
        plan.model = RegisteredModel.objects.create(
            name=plan.name,
            description=data["description"],
            tags=data["tags"],
            system=data["system"],
            owner=self.user,
            classroom=self.classroom,
            created_at=data["created_at"],
        )
        self.imported.models.append(plan.name)

    def make_version(self, name: str, data: dict[str, Any]) -> ModelVersion:
        plan = self.plans[name]
        major, minor, patch = data["number"]
        version = ModelVersion.objects.create(
            model=plan.model,
            major=major,
            minor=minor,
            patch=patch,
            artifact=self.stored[data["sha256"]],
            format=data["format"],
            signature=data["signature"],
            brain_spec_hash=data["brain_spec_hash"],
            layout_hash=data["layout_hash"],
            run_id=uuid.UUID(data["run_id"]) if data["run_id"] else None,
            parent=self.find_parent(name, data),
            lineage=data["lineage"],
            parameters=data["parameters"],
            metrics=data["metrics"],
            created_at=data["created_at"],
        )
        # Its status is no move: the version begins here with the one it had.
        VersionCard.objects.create(version=version, **data["card"])
        if data["registered_by"]:
            self.keep(name, data, "registered_by", data["registered_by"])
        self.imported.versions.append(f"{plan.name} {version.number}")
        return version

    def keep(self, name: str, data: dict[str, Any], key: str, value: Any) -> None:
        """For the audit log, and for a bundle that is exported from here."""
        self.kept[name]["versions"].setdefault(spelt(data["number"]), {})[key] = value

    def find_parent(self, name: str, data: dict[str, Any]) -> ModelVersion | None:
        parent = data["parent"]
        if parent is None:
            return None
        if made := self.made.get((parent["model"], parent["number"])):
            return made
        inside = self.plans.get(parent["model"])
        versions = ModelVersion.objects.filter(
            model__name=inside.name if inside else parent["model"],
            artifact_id=parent["sha256"],
            **dict(zip(("major", "minor", "patch"), parent["number"], strict=True)),
        )
        if self.user is not None:
            versions = versions.filter(model__in=visible_models(self.user))
        if (found := versions.first()) is None:
            number = spelt(parent["number"])
            self.keep(name, data, "parent", {**parent, "number": number})
            self.imported.note(
                f"{self.plans[name].name} {spelt(data['number'])}: its parent "
                f"{parent['model']} {number} is neither in the bundle nor here"
            )
        return found

    def move_aliases(self, name: str, plan: ModelPlan) -> None:
        """Write the history as it was, then let the aliases stand where it ends."""
        if not plan.moves:
            return
        versions = numbered(plan.model)
        moves = []
        for data in plan.moves:
            move = AliasMove(
                model=plan.model,
                name=data["name"],
                old_version=versions.get(data["old_number"]),
                new_version=versions.get(data["new_number"]),
                old_number=number_text(data["old_number"]),
                new_number=number_text(data["new_number"]),
                reason=data["reason"],
                moved_at=data["moved_at"],
            )
            if data["moved_by"]:
                self.kept[name]["moves"][move_key(move)] = data["moved_by"]
            moves.append(move)
        AliasMove.objects.bulk_create(moves, batch_size=1000)
        moved = {data["name"] for data in plan.moves}
        Alias.objects.filter(model=plan.model, name__in=moved).delete()
        Alias.objects.bulk_create(
            Alias(
                model=plan.model,
                name=alias["name"],
                version=versions[alias["number"]],
                protected=alias["protected"],
            )
            for alias in plan.data["aliases"]
            if alias["name"] in moved
        )
        self.imported.moves += len(moves)

    def settle(self, name: str, plan: ModelPlan) -> None:
        """What holds everywhere here: `production` names what is deployed, `latest` something."""
        out_of_service = plan.model.versions.filter(card__status=VersionStatus.DEPLOYED).exclude(
            aliases__name=PRODUCTION
        )
        for version in out_of_service.select_related("model"):
            reason = f"imported, and {PRODUCTION} does not name it here"
            lifecycle.move(version, VersionStatus.STAGED, user=self.user, reason=reason)
        for alias in plan.model.aliases.select_related("model", "version__model").order_by("name"):
            self.settle_alias(alias)
        if plan.data["whole"] or not plan.missing:
            return
        newest = self.made[(name, plan.missing[-1]["number"])]
        latest = plan.model.aliases.filter(name=LATEST).select_related("version").first()
        if latest is None or _number_of(latest.version) < _number_of(newest):
            move_latest(plan.model, newest, self.user)

    def settle_alias(self, alias: Alias) -> None:
        """Raises: BundleConflictError if nobody could have moved it where the bundle puts it."""
        status = lifecycle.status_of(alias.version)
        if alias.name == LATEST and status == VersionStatus.ARCHIVED:
            settle_latest(alias.model, alias.version, self.user)
            return
        if alias.name == PRODUCTION and status in SERVICEABLE:
            reason = f"imported, and {PRODUCTION} names it"
            lifecycle.move(alias.version, VersionStatus.DEPLOYED, user=self.user, reason=reason)
        elif status == VersionStatus.ARCHIVED or (
            alias.name == PRODUCTION and status == VersionStatus.REGISTERED
        ):
            raise BundleConflictError(
                f"The alias {alias.name} would name {alias.version}, which is {status}. Have that "
                "version taken out and checked where the bundle comes from, or here if it is "
                "here already; then import again."
            )

    def take_numbers(self, plan: ModelPlan) -> None:
        if plan.missing:
            keep_highest(plan.model, max(data["number"] for data in plan.missing))

    def ask_checks(self, name: str) -> None:
        """This server trusts no other's check, and makes what each check makes here."""
        for version in self.made_of(name):
            if lifecycle.status_of(version) != VersionStatus.ARCHIVED:
                ask_check(version, self.user)

    def made_of(self, name: str) -> list[ModelVersion]:
        return [version for (model, _), version in self.made.items() if model == name]

    def write_down(self, name: str, plan: ModelPlan) -> None:
        if not (plan.missing or plan.moves or plan.name in self.imported.models):
            self.imported.unchanged.append(plan.name)
            return
        record(
            actions.BUNDLE_IMPORTED,
            actor=self.user,
            kind="model",
            subject=plan.name,
            classroom_id=plan.model.classroom_id,
            details={
                "from": name,
                "versions": {spelt(data["number"]): data["sha256"] for data in plan.missing},
                "seals": {version.number: seal_of(version) for version in self.made_of(name)},
                "alias_moves": len(plan.moves),
                "kept": self.kept[name],
            },
        )


def numbered(model: RegisteredModel) -> dict[Number3 | None, ModelVersion]:
    return {_number_of(version): version for version in model.versions.all()}


def _number_of(version: ModelVersion) -> Number3:
    return version.major, version.minor, version.patch
