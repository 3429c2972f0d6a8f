"""Receivers on loopback, a resolver that the test answers for, and a watch on every connection."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.models import User, Webhook
from registry.webhooks import keeping
from tests.registry import conftest as registry_fixtures
from tests.webhooks.receiver import NAME, Receiver, make_certificate

model = registry_fixtures.model
register = registry_fixtures.register
no_search_for_static_files = registry_fixtures.no_search_for_static_files
Names = dict[str, list[list[str]]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "hooks.pem")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names lead to: of each a list of answers, one for each time it is asked.

    The last answer stays. Addresses are resolved as the system does; other names do not exist.
    """
    answers: Names = {NAME: [["127.0.0.1"]]}
    system = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        if host in answers:
            known = answers[host]
            found = known.pop(0) if len(known) > 1 else known[0]
            return [entry for ip in found for entry in system(ip, port, *rest, **named)]
        if any(letter.isalpha() for letter in host) and ":" not in host and host[:2] != "0x":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return system(host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return answers


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were connected to by webhooks. Beyond loopback nothing leaves."""
    seen: list[str] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            seen.append(address[0])
            if not address[0].startswith("127."):
                raise OSError("this test sends nothing beyond loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    return seen


@pytest.fixture
def loopback(settings: Any, names: Names, certificate: Path) -> None:
    """Loopback is allowed, as a lab allows a network of its own."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_CA_FILE = str(certificate)


@pytest.fixture
def receiver(loopback: None, certificate: Path) -> Iterator[Receiver]:
    found = Receiver(certificate)
    yield found
    found.stop()


@pytest.fixture
def webhook(receiver: Receiver, instructor: User) -> Webhook:
    """Of the instructor's own models, for every event."""
    return make_webhook(instructor, receiver.url)


def make_webhook(owner: User, url: str, **fields: Any) -> Webhook:
    given = {"name": "hook", "url": url, "events": list(keeping.EVENTS), **fields}
    return keeping.create_webhook(owner, given)[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Shorten the limits of time, so that a test need not wait for them."""
    from registry.webhooks import limits

    def shorten(total_s: float) -> None:
        monkeypatch.setattr(limits, "TOTAL_S", total_s)
        monkeypatch.setattr(limits, "CONNECT_S", total_s / 2)

    return shorten
