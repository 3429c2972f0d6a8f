"""Files that were looked into once and found good need no second look.

Each look starts a process that loads torch, or ONNX Runtime too: seconds of a processor. Where the
look itself is not what is tested, the first one is real, in its own process with its limits, and
the same file gets the same answer from then on. What was refused is looked into anew.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from registry.versions import inspecting

ANSWERS: dict[tuple[str, str], Any] = {}  # by what is asked and the file's hash, in this process


@contextmanager
def looked_into_once() -> Iterator[None]:
    look = inspecting.run_limited

    def remembered(program: str, file: Any, arguments: Any, limits: Any, *, name: str) -> Any:
        if program != inspecting.LOOK:
            return look(program, file, arguments, limits, name=name)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        key = json.dumps(dict(arguments), sort_keys=True), digest
        if key not in ANSWERS:
            ANSWERS[key] = look(program, file, arguments, limits, name=name)
        return copy.deepcopy(ANSWERS[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspecting, "run_limited", remembered)
        yield
