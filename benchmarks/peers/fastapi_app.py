"""A hand-written service of one model, as a good user of FastAPI writes it.

Pydantic checks the request and writes the answer, a bearer token is checked, the session is opened
once, and the handler is `async`, since a thread would cost more than so small a network.
`uvicorn benchmarks.peers.fastapi_app:application`
"""

import hashlib
import os
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, FiniteFloat

from benchmarks.peers.onnx_session import TOKEN, OnnxSession

session = OnnxSession()
application = FastAPI(title="town")
bearer = HTTPBearer()
digest = hashlib.sha256(os.environ[TOKEN].encode()).digest()


class Inputs(BaseModel):
    observation: list[list[FiniteFloat]]
    action_mask: list[list[bool]]


class Question(BaseModel):
    inputs: Inputs


class Outputs(BaseModel):
    actions: list[int]
    q_values: list[list[float]]


class Answer(BaseModel):
    outputs: Outputs


async def check_token(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> None:
    found = hashlib.sha256(credentials.credentials.encode()).digest()
    if not secrets.compare_digest(found, digest):
        raise HTTPException(401, "this token is unknown")


@application.get("/ready")
async def ready() -> str:
    return "ready"


@application.post("/predict", dependencies=[Depends(check_token)])
async def predict(question: Question) -> Answer:
    given = question.inputs
    try:
        outputs = session.run({"observation": given.observation, "action_mask": given.action_mask})
    except Exception as error:  # of another length than the model's
        raise HTTPException(422, str(error)) from None
    return Answer(outputs=Outputs(**{name: found.tolist() for name, found in outputs.items()}))
