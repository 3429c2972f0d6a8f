"""Programs that ask a server: one request at a time, with a token."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PREDICT = "/api/v1/predict"
ENSEMBLE = "/api/v1/predict/ensemble"


@dataclass
class Told:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def faults(self) -> dict[str, str]:
        return {fault["pointer"]: fault["detail"] for fault in self.data["errors"]}


@dataclass
class Program:
    """Something that sends requests with a token; every request has a connection of its own."""

    url: str
    secret: str | None

    def ask(
        self,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> Told:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        if self.secret:
            sent["Authorization"] = f"Bearer {self.secret}"
        sent |= headers or {}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Told(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: dict[str, str] | None = None) -> Told:
        return self.ask(path, None, headers, "GET")
