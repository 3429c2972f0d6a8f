"""Trained models that come with the library, each in a bundle with its origin.

A bundle is what `manage.py export_bundle` writes and `import_bundle` restores: a zip of
`manifest.json` and of files that are named by their sha256.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from hamlet.errors import CheckpointError, HamletError
from hamlet.wording import hint

CONNECT_FOUR = "connect-four-alphazero"
SHIPPED = (CONNECT_FOUR,)


def shipped_bundle(name: str) -> Path:
    """Raises: HamletError for a name that none has."""
    if name not in SHIPPED:
        known = ", ".join(SHIPPED)
        raise HamletError(f"found model {name!r}; shipped are {known}{hint(name, SHIPPED)}")
    return Path(__file__).with_name(f"{name}.zip")


def shipped_checkpoint(name: str) -> bytes:
    """The inference checkpoint, for `HamletModel.load_from_checkpoint`.

    Raises: HamletError for a name that none has; CheckpointError if the file is damaged.
    """
    path = shipped_bundle(name)
    try:
        with zipfile.ZipFile(path) as bundle:
            manifest = json.loads(bundle.read("manifest.json"))
            digest = manifest["models"][0]["versions"][-1]["sha256"]
            content = bundle.read(f"files/{digest}")
    except (OSError, zipfile.BadZipFile, LookupError, TypeError, ValueError) as error:
        message = f"{path.name} is damaged ({error}); install the library again"
        raise CheckpointError(message) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise CheckpointError(f"{path.name} is damaged: the weights are not those it names")
    return content
