"""One MLflow server: asked with bounds on time and size, and with the package imported late.

What an import asks goes through `ask` and `download` alone, which take no more than they were told
and follow no redirect. MLflow's own client, which trusts its server, is used to export.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from registry.bodies import MalformedBodyError, read_json
from registry.mlflow_bridge.errors import (
    MlflowError,
    MlflowMissingError,
    NotThereError,
    ServerError,
    UntakenError,
)

API = "/api/2.0/mlflow/"
ARTIFACTS = "/model-versions/get-artifact"
MOST_ANSWER_BYTES = 8 * 2**20
ANSWER_S = 60.0
FILE_S = 900.0
PIECE_BYTES = 256 * 1024
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
# MLflow's own patience is seven tries of two minutes. What the environment says goes first.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
NO_TELEMETRY = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
MISSING = (
    "MLflow is not installed. It is an extra: pip install -r requirements-mlflow.txt, "
    "then try again."
)


@dataclass(frozen=True)
class Connection:
    """Attributes:
    uri: as it was given, maybe with a password. shown: the same without, for people and logs.
    """

    uri: str
    shown: str

    def client(self) -> Any:
        """MLflow's own, for one block `speaking`."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that a GET below `API` answers.

        Raises: NotThereError; ServerError for any other refusal, and for an answer that is none;
            UntakenError for a longer one.
        """
        with self._get(API + path, params) as response:
            content = b"".join(_pieces(response, MOST_ANSWER_BYTES, ANSWER_S, self.shown))
        try:
            data = read_json(content)
        except MalformedBodyError:
            data = None
        if response.status_code != 200:
            raise _refusal(response.status_code, data, self.shown)
        if not isinstance(data, dict):
            raise ServerError(
                f"{self.shown} answers, but not as an MLflow server does. Is the address right, "
                "with the path that the server may be below?"
            )
        return data

    def download(self, params: Mapping[str, str], into: BinaryIO, most_bytes: int) -> str:
        """Write a file of a model version, at most `most_bytes` of it.

        The server fetches it from wherever it keeps it: no address that it names is visited.

        Returns: its sha256. Raises: NotThereError; ServerError; UntakenError for a larger file.
        """
        digest = hashlib.sha256()
        with self._get(ARTIFACTS, params) as response:
            if response.status_code != 200:
                pieces = b"".join(_pieces(response, MOST_ANSWER_BYTES, ANSWER_S, self.shown))
                with contextlib.suppress(MalformedBodyError):
                    raise _refusal(response.status_code, read_json(pieces), self.shown)
                raise _refusal(response.status_code, None, self.shown)
            where = f"{params['path']} of {self.shown}"
            for piece in _pieces(response, most_bytes, FILE_S, where):
                digest.update(piece)
                into.write(piece)
        return digest.hexdigest()

    def _get(self, endpoint: str, params: Mapping[str, str]) -> Any:
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        return http_request(
            get_default_host_creds(self.uri),
            endpoint,
            "GET",
            params=dict(params),
            stream=True,
            allow_redirects=False,
            raise_on_status=False,
        )


def connect(uri: str | None) -> Connection:
    """Args: uri: of the server; None takes MLFLOW_TRACKING_URI. Nothing is sent yet.

    Raises: MlflowMissingError; MlflowError for an address that is none of a server.
    """
    uri = (uri or os.environ.get("MLFLOW_TRACKING_URI") or "").strip().rstrip("/")
    parts = _split(uri)
    if parts is None:
        raise MlflowError(
            f"found the tracking address {uri[:200]!r}; expected that of an MLflow server, such as "
            "http://127.0.0.1:5000. Give --tracking-uri, or set MLFLOW_TRACKING_URI."
        )
    _, host = parts.netloc.rpartition("@")[::2]
    load_mlflow()
    return Connection(uri, urlunsplit((parts.scheme, host, parts.path, "", "")))


def _split(uri: str) -> Any:
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018 - raises ValueError where it is no number
    except ValueError:
        return None
    is_server = parts.scheme in ("http", "https") and parts.hostname
    return parts if is_server and not parts.query and not parts.fragment else None


def load_mlflow() -> Any:
    """Import MLflow with its telemetry off. Raises: MlflowMissingError."""
    os.environ.update(NO_TELEMETRY)  # it looks while it is imported
    try:
        import mlflow
    except ImportError:
        raise MlflowMissingError(MISSING) from None
    return mlflow


@contextlib.contextmanager
def speaking(connection: Connection) -> Iterator[None]:
    """For as long as MLflow is spoken to: our patience, and its faults in our words.

    Raises: ServerError.
    """
    import requests
    from mlflow.exceptions import MlflowException, RestException

    added = {name: value for name, value in PATIENCE.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    except RestException as error:
        raise _refusal(error.get_http_status_code(), _said(error), connection.shown) from None
    except (MlflowException, requests.RequestException) as error:
        raise ServerError(_why_away(error, connection)) from None
    finally:
        for name in added:
            os.environ.pop(name, None)


def _said(error: Any) -> dict[str, Any]:
    return {"error_code": error.error_code, "message": error.message}


def _refusal(status: int, said: Any, shown: str) -> MlflowError:
    said = said if isinstance(said, dict) else {}
    words = _printable(str(said.get("message", "")))
    if status == 404 and said.get("error_code") == NOT_FOUND:
        return NotThereError(f"{shown} says: {words}")
    if status in (401, 403):
        return ServerError(
            f"{shown} does not let you in ({status}). Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, and try again."
        )
    if 300 <= status < 400:
        return ServerError(f"{shown} sends you elsewhere ({status}). Give its own address.")
    return ServerError(f"{shown} refuses ({status}): {words or 'it does not say why'}")


def _why_away(error: Exception, connection: Connection) -> str:
    text = str(error).replace(connection.uri, connection.shown)
    if "timed out" in text.lower() or "timeout" in text.lower():
        why = "it does not answer in time (MLFLOW_HTTP_REQUEST_TIMEOUT, in seconds)"
    elif "refused" in text.lower():
        why = "nobody listens there"
    elif "resolve" in text.lower() or "Name or service" in text:
        why = "there is no host of this name"
    else:
        return f"{connection.shown}: {_printable(text)}"
    return f"{connection.shown} cannot be reached: {why}. Is the server running, the address right?"


def _pieces(response: Any, most_bytes: int, most_s: float, what: str) -> Iterator[bytes]:
    """Raises: UntakenError as soon as more came than may, whatever the headers say; ServerError."""
    taken, deadline = 0, time.monotonic() + most_s
    for piece in response.iter_content(PIECE_BYTES):
        taken += len(piece)
        if taken > most_bytes:
            raise UntakenError(f"{what}: more than {most_bytes} bytes came; no more are taken")
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not all there after {most_s:.0f} s; try again later")
        yield piece


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:300]).strip()
