"""Asks the web server of this platform whether everything is there."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from hamletweb.supervisor.plan import Plan


@dataclass(frozen=True)
class Readiness:
    """`missing` says in words what is not there yet; empty once everything is."""

    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing


def ask(plan: Plan, timeout_s: float = 10.0) -> Readiness:
    # Behind HAMLET_HTTPS a plain request would be sent on to an https that is not ours to offer.
    headers = {"Host": f"localhost:{plan.port}", "X-Forwarded-Proto": "https"}
    request = urllib.request.Request(f"{plan.url}/readyz", headers=headers)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310
            body = reply.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except OSError:
        return Readiness(("the web server does not answer yet",))
    try:
        checks = json.loads(body)["checks"]
        return Readiness(tuple(check["text"] for check in checks if not check["ok"]))
    except (ValueError, KeyError, TypeError):
        return Readiness(("the web server answers, but not with its checks",))
