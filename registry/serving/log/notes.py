"""What the log says of one question, gathered while it is answered."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings

from registry.serving.callers import Caller
from registry.serving.inputs import Arrays, Question

if TYPE_CHECKING:
    from registry.serving.targets import Target

LONGEST_PROBLEM = 500
OK = 200


class Noted:
    """One row of the log to be. Cheap to make, since every request makes one."""

    __slots__ = (
        "api",
        "asked_at",
        "batch_rows",
        "inputs",
        "outputs",
        "problem",
        "request_id",
        "rows",
        "status",
        "target",
        "timing",
        "token_id",
        "user_id",
        "with_payload",
    )

    @classmethod
    def begin(cls, api: str, caller: Caller, request_id: str, target: Target) -> Noted:
        noted = cls()
        noted.api, noted.request_id, noted.target = api, request_id, target
        noted.user_id = caller.user.id
        noted.token_id = None if caller.token is None else caller.token.id
        noted.asked_at = time.time()
        noted.with_payload = random.random() < settings.PREDICTION_PAYLOADS
        noted.rows = noted.batch_rows = noted.status = 0
        noted.problem = ""
        noted.timing: dict[str, float] = {}
        noted.inputs: Arrays | None = None
        noted.outputs: Arrays | None = None
        return noted

    def asked(self, question: Question) -> None:
        self.rows = question.rows
        if self.with_payload:
            self.inputs = question.arrays

    def gave(self, outputs: Arrays) -> None:
        if self.with_payload:
            self.outputs = outputs

    def answered(self, timing: dict[str, float], batch_rows: int) -> None:
        self.status, self.timing, self.batch_rows = OK, timing, batch_rows

    def refused(self, status: int, problem: str) -> None:
        self.status, self.problem = status, problem[:LONGEST_PROBLEM]

    @property
    def payload_bytes(self) -> int:
        arrays: list[Any] = [*(self.inputs or {}).values(), *(self.outputs or {}).values()]
        return sum(array.nbytes for array in arrays)
