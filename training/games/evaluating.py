"""A registered version of any type as what a search asks about positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hamlet.errors import Problem, SpecError
from registry.models import ModelVersion, User
from registry.queries import find_version

if TYPE_CHECKING:
    from hamlet.signature import Signature
    from registry.serving.engines import LoadedModel

PLANES = (3, 6, 7)
TAKEN = {"input": [-1, *PLANES], "policy": [-1, 7], "value": [-1, 1]}


def find_board_version(user: User, named: str) -> ModelVersion:
    """The version that `model/number` or `model@alias` names, if it plays Connect Four.

    Raises: SpecError, VersionNotFoundError, ArchivedVersionError.
    """
    from registry.serving.targets import target_of  # brings torch

    model, mark, which = named.partition("@" if "@" in named else "/")
    if not mark or not model or not which:
        message = f"found {named[:80]!r}; expected model/number or model@alias"
        raise SpecError([Problem("version", message)])
    version = find_version(user, model, which)
    check_plays(target_of(version).signature, str(version), "version")
    return version


def check_plays(signature: Signature, named: str, path: str) -> None:
    """Raises: SpecError if this is no network for Connect Four."""
    found = {spec.name: list(spec.shape) for spec in (*signature.inputs, *signature.outputs)}
    if any(found.get(name) != shape for name, shape in TAKEN.items()):
        message = (
            f"{named} has {found}; expected {TAKEN}, as a network for Connect Four has (-1: the "
            "batch)"
        )
        raise SpecError([Problem(path, message)])


class VersionEvaluator:
    """Asks a loaded version, in parts of as many rows as it takes at once."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Args: own, occupied: int64 [B]. Returns: logits float32 [B, 7], values float32 [B]."""
        from hamlet.envs.connect_four.planes import fill_planes  # brings numba

        planes = np.zeros((len(own), *PLANES), np.float32)
        fill_planes(own, occupied, planes)
        most = self.model.signature.most_rows
        found = [self._ask(planes[at : at + most]) for at in range(0, len(planes), most)]
        logits, values = zip(*found, strict=True)
        return np.concatenate(logits), np.concatenate(values)

    def _ask(self, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = self.model.run({"input": planes})
        logits = np.asarray(outputs["policy"], np.float32)
        return logits, np.asarray(outputs["value"], np.float32).reshape(-1)
