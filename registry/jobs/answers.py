"""The answer to a job: one JSON document.

As `POST /api/v1/predict` answers, without its times, so that equal questions to one version give
equal files:

    {"model": ..., "version": ..., "artifact_sha256": ..., "engine": ..., "rows": n,
     "outputs": {name: [...]}, "action_names": [...]}
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson

from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.artifacts.store import store_file
from registry.serving.inputs import Arrays
from registry.serving.replies import action_names
from registry.serving.targets import Target

MEDIA_TYPE = "application/json"


def store_answer(target: Target, engine: str, outputs: Arrays, rows: int) -> Artifact:
    """Keep the document. Args: outputs: by name, all rows of each.

    Raises: ArtifactTooLargeError; OSError when the disk is full.
    """
    path = disk.temporary_path()
    try:
        write_answer(path, target, engine, outputs, rows)
        return store_file(path, MEDIA_TYPE, move=True)
    finally:
        path.unlink(missing_ok=True)


def write_answer(path: Path, target: Target, engine: str, outputs: Arrays, rows: int) -> None:
    """Output by output, so that the text of one of them is in memory at a time."""
    head = {
        "model": target.model,
        "version": target.number,
        "artifact_sha256": target.artifact_sha256,
        "engine": engine,
        "rows": rows,
    }
    with path.open("wb") as file:
        file.write(orjson.dumps(head)[:-1] + b',"outputs":{')
        for index, (name, array) in enumerate(outputs.items()):
            file.write(b"," if index else b"")
            file.write(orjson.dumps(name) + b":")
            whole = np.ascontiguousarray(array)
            file.write(orjson.dumps(whole, option=orjson.OPT_SERIALIZE_NUMPY))
        file.write(b"}")
        if names := action_names(target, outputs):
            file.write(b',"action_names":' + orjson.dumps(names))
        file.write(b"}\n")
