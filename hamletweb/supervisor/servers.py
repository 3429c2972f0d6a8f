"""PostgreSQL and Valkey of one platform: embedded ones, or those that the plan names."""

from __future__ import annotations

import json
import secrets
import time

from hamletweb.embedded.errors import EmbeddedServerError
from hamletweb.embedded.files import write_private
from hamletweb.embedded.postgres import EmbeddedPostgres
from hamletweb.embedded.valkey import EmbeddedValkey
from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import Plan
from hamletweb.supervisor.screen import say

MIN_SECRET_LENGTH = 50
TITLES = {"postgres": "PostgreSQL", "valkey": "Valkey"}


class Servers:
    """Starts what the plan leaves to us and tells every other process through services.json."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.postgres = None if plan.database_url else EmbeddedPostgres(plan.data_dir)
        self.valkey = None if plan.redis_url else EmbeddedValkey(plan.data_dir)

    @property
    def embedded(self) -> dict[str, EmbeddedPostgres | EmbeddedValkey]:
        pairs = {"postgres": self.postgres, "valkey": self.valkey}
        return {name: server for name, server in pairs.items() if server is not None}

    @property
    def ports(self) -> dict[str, int]:
        return {name: server.port for name, server in self.embedded.items()}

    def start(self) -> None:
        """Raises: CannotStartError; nothing is left running then."""
        try:
            for name, server in self.embedded.items():
                began = time.monotonic()
                server.start()
                took_s = time.monotonic() - began
                say(f"{TITLES[name]} listens on 127.0.0.1:{server.port} ({took_s:.1f} s)")
            self.write_services()
        except EmbeddedServerError as error:
            self.stop()
            raise CannotStartError(str(error)) from error
        except OSError as error:
            self.stop()
            raise CannotStartError(
                f"{error.filename or self.plan.data_dir} cannot be used: {error.strerror}."
            ) from error

    def write_services(self) -> None:
        """Write services.json, which settings.py reads; the secret key stays what it was."""
        path = self.plan.data_dir / "services.json"
        try:
            secret_key = str(json.loads(path.read_text())["secret_key"])
        except (OSError, ValueError, KeyError, TypeError):
            secret_key = ""
        if len(secret_key) < MIN_SECRET_LENGTH:
            secret_key = secrets.token_urlsafe(60)
        content = {
            "database_url": self.plan.database_url or self.postgres.url,
            "redis_url": self.plan.redis_url or self.valkey.url,
            "secret_key": secret_key,
        }
        write_private(path, json.dumps(content, indent=1))

    def look_after(self) -> bool:
        """Start again what has died. Returns: true if that changed an address.

        Raises: CannotStartError if it does not start again.
        """
        before = self.ports
        for name, server in self.embedded.items():
            if server.process is not None and server.process.poll() is None:
                continue
            say(f"{TITLES[name]} has ended; starting it again")
            server.stop()
            try:
                server.start()
            except EmbeddedServerError as error:
                raise CannotStartError(str(error)) from error
        if self.ports != before:
            self.write_services()
        return self.ports != before

    def stop(self) -> None:
        for server in reversed(self.embedded.values()):
            server.stop()
