"""The same ONNX file as a BentoML service with one worker.

`bentoml serve benchmarks.peers.bento_service:Town`. Inputs are declared as arrays with their types
and shapes, which BentoML checks; the access log is off.
"""

# No `from __future__ import annotations`: BentoML reads the annotations as they stand.
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType

from benchmarks.peers.onnx_session import OnnxSession


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": True})
class Town:
    def __init__(self) -> None:
        self.session = OnnxSession()

    @bentoml.api
    async def predict(
        self,
        observation: Annotated[np.ndarray, DType("float32")],
        action_mask: Annotated[np.ndarray, DType("bool")],
    ) -> dict[str, list]:
        outputs = self.session.run({"observation": observation, "action_mask": action_mask})
        return {name: found.tolist() for name, found in outputs.items()}
