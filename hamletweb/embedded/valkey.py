"""A Valkey of our own below a data directory: broker of the tasks and bus of the live pages.

    <data>/valkey/       append-only file, mode 0700, owned by the account the server runs as
    <data>/valkey.json   password and the last port, mode 0600, ours
    <data>/valkey.lock   held while the server runs
    <data>/logs/valkey.log

It listens on a random port of 127.0.0.1 and asks for a password. Its configuration comes through
standard input, so that the password stands in no argument list and in no file of the server.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

import redis

from hamletweb.embedded.account import Account, server_account
from hamletweb.embedded.binaries import find_valkey
from hamletweb.embedded.errors import EmbeddedServerError
from hamletweb.embedded.files import hold_lock, make_private_directory, write_private
from hamletweb.embedded.process import (
    POLL_S,
    end_leftovers,
    free_port,
    last_words,
    start_server,
    stop_server,
)

START_TIMEOUT_S = 60.0
STOP_SIGNALS = ((signal.SIGTERM, 15.0),)
SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "databases": "64",
    # Queued tasks outlive a crash but for the last second; the lease in PostgreSQL covers that one.
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    # A full broker must refuse new work, never forget queued work.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    # A watcher that stopped reading is cut off before it eats that memory.
    "client-output-buffer-limit": "pubsub 32mb 8mb 30",
    "maxmemory-clients": "50%",
}
# For data that nobody misses after a crash: the tests.
NOT_DURABLE = {"appendonly": "no"}


class EmbeddedValkey:
    """Start with `start()` or as a context manager; `url` is valid until `stop()`.

    Args:
        data_dir: an existing directory; everything is kept below it.
        settings: more settings of valkey.conf, such as NOT_DURABLE.
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.directory = self.data_dir / "valkey"
        self.log = self.data_dir / "logs" / "valkey.log"
        self.settings = SETTINGS | dict(settings or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._account: Account | None = None
        self._password = ""
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        return self.url_of_database(0)

    def url_of_database(self, number: int) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{number}"

    def start(self) -> EmbeddedValkey:
        """Start, with what was kept last time.

        Raises: AlreadyHeldError if another process runs this server, EmbeddedServerError with the
            reason where it cannot start. Nothing is left running then.
        """
        self._lock = hold_lock(
            self.data_dir / "valkey.lock", f"Valkey of {self.data_dir} is run by another start"
        )
        try:
            self._account = server_account()
            binary = find_valkey(self._account)
            make_private_directory(self.log.parent, Account(os.geteuid(), os.getegid()))
            make_private_directory(self.directory, self._account)
            # Two servers on one append-only file would ruin it.
            end_leftovers(self.directory, "valkey-server", STOP_SIGNALS)
            self._launch(binary)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server cleanly; harmless if it does not run."""
        if self.process is not None:
            stop_server(self.process, STOP_SIGNALS)
            self.process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> EmbeddedValkey:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _remembered(self) -> tuple[str, int]:
        """(password, port) of the last start. A lost file costs nothing: both are made anew."""
        try:
            found = json.loads((self.data_dir / "valkey.json").read_text())
            return str(found["password"]), int(found["port"])
        except (OSError, ValueError, KeyError):
            return secrets.token_urlsafe(24), 0

    def _launch(self, binary: Path) -> None:
        """Start the server; a port that somebody takes in this moment is tried again elsewhere."""
        self._password, wanted = self._remembered()
        for _ in range(5):
            self.port = free_port(wanted)
            self.process = start_server(
                [binary, "-"],
                directory=self.directory,
                log=self.log,
                account=self._account,
                death=signal.SIGTERM,
            )
            settings = self.settings | {"port": str(self.port), "requirepass": self._password}
            text = "".join(f"{name} {value}\n" for name, value in settings.items())
            self._configure(text)
            if self._answers():
                remembered = {"password": self._password, "port": self.port}
                write_private(self.data_dir / "valkey.json", json.dumps(remembered, indent=1))
                return
            wanted = 0
        raise EmbeddedServerError(
            f"Valkey did not start in {self.directory}: {last_words(self.log)}. "
            f"The whole log is {self.log}."
        )

    def _configure(self, text: str) -> None:
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.close()
        except BrokenPipeError:  # it ended at once; `_answers` sees that and the log says why
            pass

    def _answers(self) -> bool:
        """Wait until the server has loaded its data; false if it ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        with redis.Redis(
            host="127.0.0.1", port=self.port, password=self._password, socket_connect_timeout=2
        ) as client:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    client.ping()
                    return True
                except redis.exceptions.AuthenticationError:
                    break  # another server got this port first
                except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                    time.sleep(POLL_S)
            if self.process.poll() is None and time.monotonic() >= deadline:
                raise EmbeddedServerError(
                    f"Valkey does not answer after {START_TIMEOUT_S:.0f} s: "
                    f"{last_words(self.log)}. The whole log is {self.log}."
                )
        stop_server(self.process, STOP_SIGNALS)
        return False
