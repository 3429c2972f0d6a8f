"""Uploads that are sent again under one key are registered once.

The key and the digest of the request stand in the lineage of the version that they made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hamlet.schema import content_hash
from registry.accounts.models import User
from registry.aliases.services import lock
from registry.errors import ConflictError
from registry.models import ModelVersion, RegisteredModel

KEY, DIGEST = "idempotency_key", "request_digest"


class DoneBeforeError(Exception):
    """The same request, sent at the same time, has made the version."""

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(f"{version} is there already")
        self.version = version


@dataclass(frozen=True)
class Once:
    """One request of a user. Without a key it is new each time."""

    user: User
    key: str | None
    digest: str

    @property
    def noted(self) -> dict[str, str]:
        """What the version that it makes keeps of it."""
        return {} if self.key is None else {KEY: self.key, DIGEST: self.digest}

    def find(self) -> ModelVersion | None:
        """The version that it has made. Raises: ConflictError if the key made another one."""
        if self.key is None:
            return None
        made = ModelVersion.objects.filter(registered_by=self.user, **{f"lineage__{KEY}": self.key})
        version = made.select_related("model").order_by("pk").first()
        if version is not None and version.lineage.get(DIGEST) != self.digest:
            raise ConflictError(
                f"The key {self.key!r} was used before, with another file or other words "
                f"({version}). Use a new key for a new upload."
            )
        return version

    def check_first(self, model: RegisteredModel) -> None:
        """Within a transaction: from here on nobody else makes a version of the model.

        Raises: DoneBeforeError, ConflictError.
        """
        if self.key is not None:
            lock(model)
            if (version := self.find()) is not None:
                raise DoneBeforeError(version)


def digest_of(path: Path, fields: Mapping[str, str]) -> str:
    """Of a file and the words that came with it."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return content_hash({"file": sha256, "fields": {name: fields[name] for name in fields}})
