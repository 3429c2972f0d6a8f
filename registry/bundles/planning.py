"""What an import would change: a bundle compared with what is here, before anything is written.

A model that is here already only goes forward. Versions it has must be the same ones; where one
history of its aliases goes on from the other, the longer one holds; where they have parted, the
import is refused, since nobody can say which of the two was live.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.accounts.models import Classroom, User
from registry.bundles.errors import BundleConflictError
from registry.bundles.readers import Number3, spelt
from registry.models import AliasMove, ModelVersion, RegisteredModel
from registry.names import check_name
from registry.queries import may_change_model

SAME = (
    "format",
    "signature",
    "brain_spec_hash",
    "layout_hash",
    "lineage",
    "parameters",
    "metrics",
    "created_at",
)


@dataclass
class ModelPlan:
    """What one model of the bundle needs here.

    Attributes:
        name: here; `data["name"]` is the bundle's.
        model: the one that has the name here; None if it is to be made.
        missing: versions of the bundle that are not here, lowest number first.
        moves: of aliases, that come after those that are here.
    """

    name: str
    data: dict[str, Any]
    model: RegisteredModel | None = None
    missing: list[dict[str, Any]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)

    @property
    def changes_something(self) -> bool:
        return self.model is None or bool(self.missing or self.moves)


def make_plans(
    manifest: Mapping[str, Any],
    user: User | None,
    classroom: Classroom | None,
    rename: Mapping[str, str],
    *,
    locked: bool = False,
) -> list[ModelPlan]:
    """Args: rename: names that models get here, by those they have in the bundle.
        locked: keep the rows of the models that are here until the transaction ends.
    Raises: BundleConflictError; SpecError for a new name that is none.
    """
    _check_rename(manifest, rename)
    targets = {rename.get(model["name"], model["name"]): model for model in manifest["models"]}
    if len(targets) < len(manifest["models"]):
        raise BundleConflictError("Two models of the bundle would have one name; rename another.")
    found = RegisteredModel.objects.filter(name__in=targets).order_by("pk")
    if locked:
        found = found.select_for_update(no_key=True)
    here = {model.name: model for model in found}
    plans = []
    for name in sorted(targets):
        plan = ModelPlan(name, targets[name], here.get(name))
        if plan.model is None:
            plan.missing, plan.moves = _in_order(plan.data), plan.data["alias_moves"]
        else:
            _check_model(plan, user, classroom)
            plan.missing = _missing_versions(plan)
            plan.moves = _further_moves(plan)
        plans.append(plan)
    return plans


def _check_rename(manifest: Mapping[str, Any], rename: Mapping[str, str]) -> None:
    names = sorted(model["name"] for model in manifest["models"])
    for name, new in rename.items():
        check_name(new, "rename")
        if name not in names:
            raise BundleConflictError(
                f"The bundle has no model {name[:100]!r} to be renamed; it has {', '.join(names)}."
            )


def _check_model(plan: ModelPlan, user: User | None, classroom: Classroom | None) -> None:
    model = plan.model
    if user is not None and not may_change_model(user, model):
        raise BundleConflictError(
            f"The model name {plan.name} is taken. Import the model under another name."
        )
    if model.system != plan.data["system"]:
        raise BundleConflictError(
            f"{plan.name} belongs to the system {model.system} here, and to "
            f"{plan.data['system']} in the bundle. Import it under another name."
        )
    if classroom is not None and model.classroom_id != classroom.pk:
        kept = f"the class {model.classroom}" if model.classroom else "no class"
        raise BundleConflictError(
            f"{plan.name} belongs to {kept} here, not to {classroom}. Leave the class out, or "
            "import the model under another name."
        )


def _in_order(data: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(data["versions"], key=lambda version: version["number"])


def _missing_versions(plan: ModelPlan) -> list[dict[str, Any]]:
    here = {
        (version.major, version.minor, version.patch): version
        for version in plan.model.versions.all()
    }
    missing = []
    for data in _in_order(plan.data):
        version = here.get(data["number"])
        if version is None:
            missing.append(data)
        else:
            _check_same(version, data, plan.name)
    return missing


def _check_same(version: ModelVersion, data: dict[str, Any], name: str) -> None:
    if version.artifact_id != data["sha256"]:
        raise BundleConflictError(
            f"{name} {version.number} is the file {version.artifact_id[:12]} here, and "
            f"{data['sha256'][:12]} in the bundle. Import the model under another name."
        )
    other = [key for key in SAME if getattr(version, key) != data[key]]
    if (
        version.run_id is not None
        and data["run_id"]
        and version.run_id != uuid.UUID(data["run_id"])
    ):
        other.append("run_id")
    if other:
        raise BundleConflictError(
            f"{name} {version.number} is here with another {', '.join(other)} than in the "
            "bundle. Import the model under another name."
        )


def _further_moves(plan: ModelPlan) -> list[dict[str, Any]]:
    if not plan.data["whole"]:
        return []
    here = [
        (move.name, move.old_number, move.new_number, move.reason, move.moved_at)
        for move in AliasMove.objects.filter(model=plan.model).order_by("moved_at", "pk")
    ]
    theirs = [
        (
            move["name"],
            number_text(move["old_number"]),
            number_text(move["new_number"]),
            move["reason"],
            move["moved_at"],
        )
        for move in plan.data["alias_moves"]
    ]
    common = min(len(here), len(theirs))
    if here[:common] != theirs[:common]:
        raise BundleConflictError(
            f"The aliases of {plan.name} have moved otherwise here than in the bundle. "
            "Import the model under another name."
        )
    further = plan.data["alias_moves"][common:]
    moved = {move["name"] for move in further}
    protected = plan.model.aliases.filter(name__in=moved, protected=True)
    if names := sorted(protected.values_list("name", flat=True)):
        raise BundleConflictError(
            f"The import would move {', '.join(names)} of {plan.name}, which is protected here."
        )
    return further


def number_text(number: Number3 | None) -> str:
    return spelt(number) if number else ""
