"""A PostgreSQL of our own below a data directory.

    <data>/postgres/       the cluster, mode 0700, owned by the account the server runs as
    <data>/postgres.json   passwords and the last port, mode 0600, ours
    <data>/postgres.lock   held while the server runs
    <data>/logs/postgres.log

It listens on a random port of 127.0.0.1 and on no Unix socket (a socket path may have 107 bytes;
data directories are longer), and asks for a password (SCRAM). The platform connects as `hamlet`,
which owns the database `hamlet`, may create others (the tests do) and is no superuser.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg
from psycopg import sql

from hamletweb.embedded.account import Account, server_account
from hamletweb.embedded.binaries import find_postgres
from hamletweb.embedded.errors import EmbeddedServerError
from hamletweb.embedded.files import hold_lock, make_private_directory, write_private
from hamletweb.embedded.process import (
    POLL_S,
    end_leftovers,
    free_port,
    last_words,
    plain_environment,
    start_server,
    stop_server,
)

START_TIMEOUT_S = 120.0  # recovery after a kill replays the log of up to 1 GB
# SIGINT: end clients, write a checkpoint, stop. SIGQUIT: stop now, recover at the next start.
STOP_SIGNALS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
SUPERUSER, ROLE, DATABASE = "postgres", "hamlet", "hamlet"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "jit": "off",  # compiling takes longer than our queries
    "max_parallel_workers_per_gather": "0",  # the other cores are for training
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# For databases that nobody misses after a crash: nothing waits for the disk.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedPostgres:
    """Start with `start()` or as a context manager; `url` is valid until `stop()`.

    Args:
        data_dir: an existing directory; everything is kept below it.
        settings: more settings of postgresql.conf, such as NOT_DURABLE.
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "logs" / "postgres.log"
        self.settings = SETTINGS | dict(settings or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._account: Account | None = None
        self._secrets: dict[str, str | int] = {}
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self._secrets['password']}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> EmbeddedPostgres:
        """Start, and make the cluster and the database where there are none.

        Raises: AlreadyHeldError if another process runs this server, EmbeddedServerError with the
            reason where it cannot start. Nothing is left running then.
        """
        self._lock = hold_lock(
            self.data_dir / "postgres.lock",
            f"PostgreSQL of {self.data_dir} is run by another start",
        )
        try:
            self._account = server_account()
            binaries = find_postgres(self._account)
            make_private_directory(self.log.parent, Account(os.geteuid(), os.getegid()))
            if self.cluster.exists():
                make_private_directory(self.cluster, self._account)
                self._secrets = self._read_secrets()
                end_leftovers(self.cluster, "postgres", STOP_SIGNALS, first=self._postmaster())
                self._forget_recycled_pid()
            else:
                self._make_cluster(binaries)
            self._launch(binaries)
            self._ensure_database()
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

    def __enter__(self) -> EmbeddedPostgres:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _read_secrets(self) -> dict[str, str | int]:
        path = self.data_dir / "postgres.json"
        try:
            found = json.loads(path.read_text())
            return {name: found[name] for name in ("superuser_password", "password", "port")}
        except (OSError, ValueError, KeyError) as error:
            raise EmbeddedServerError(
                f"{path} holds the passwords of the database beside it, and cannot be read "
                f"({error!r}). Restore it, or move {self.cluster} away to start empty."
            ) from error

    def _write_secrets(self) -> None:
        write_private(self.data_dir / "postgres.json", json.dumps(self._secrets, indent=1))

    def _make_cluster(self, binaries: Path) -> None:
        """Run initdb in a new directory; renamed when whole, so half of one is never used."""
        new = self.data_dir / "postgres.new"
        if new.is_symlink() or new.exists():
            make_private_directory(new, self._account)
            shutil.rmtree(new)
        make_private_directory(new, self._account)
        self._secrets = {
            "superuser_password": secrets.token_urlsafe(24),
            "password": secrets.token_urlsafe(24),
            "port": 0,
        }
        self._write_secrets()
        done = self._initdb(binaries, new)
        if done.returncode != 0:
            raise EmbeddedServerError(
                f"initdb could not make a database in {self.data_dir}: "
                f"{' / '.join(done.stderr.strip().splitlines()[-3:])}."
            )
        new.rename(self.cluster)

    def _initdb(self, binaries: Path, new: Path) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile("w+") as password:
            password.write(f"{self._secrets['superuser_password']}\n")
            password.flush()
            # Handed over as an open file: no name on disk that somebody else could open.
            os.fchown(password.fileno(), self._account.uid, self._account.gid)
            command = [
                str(binaries / "initdb"),
                f"--pgdata={self._account.data_path(new)}",
                f"--username={SUPERUSER}",
                f"--pwfile=/dev/fd/{password.fileno()}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-instructions",
            ]
            if self.settings.get("fsync") == "off":
                command.append("--no-sync")
            return subprocess.run(  # noqa: S603 - our own binary, arguments as a list
                command,
                cwd=new,
                env=plain_environment(),
                pass_fds=(password.fileno(),),
                capture_output=True,
                text=True,
                check=False,
                **self._account.popen_arguments(),
            )

    def _postmaster(self) -> int | None:
        """The process that postmaster.pid names; it may be gone, or be another program by now."""
        try:
            return int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _forget_recycled_pid(self) -> None:
        """Remove a pid file whose number belongs to another program by now.

        Only then: from a stale file PostgreSQL itself learns which shared memory it left behind.
        Nothing of this cluster runs (`end_leftovers` looked), so a living process is another one.
        """
        pid = self._postmaster()
        if pid is None or not os.path.isdir("/proc/self"):
            return
        if os.path.exists(f"/proc/{pid}"):
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, binaries: Path) -> None:
        """Start the server; a port that somebody takes in this moment is tried again elsewhere."""
        for _ in range(5):
            self.port = free_port(int(self._secrets["port"]))
            command = [binaries / "postgres", "-D", self._account.data_path(self.cluster)]
            for name, value in (self.settings | {"port": str(self.port)}).items():
                command += ["-c", f"{name}={value}"]
            self.process = start_server(
                command,
                directory=self.cluster,
                log=self.log,
                account=self._account,
                death=signal.SIGINT,
            )
            if self._answers():
                if self._secrets["port"] != self.port:
                    self._secrets["port"] = self.port
                    self._write_secrets()
                return
            self._secrets["port"] = 0
        raise EmbeddedServerError(
            f"PostgreSQL did not start in {self.cluster}: {last_words(self.log)}. "
            f"The whole log is {self.log}."
        )

    def _answers(self) -> bool:
        """Wait until the server takes connections; false if it ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self._connect_as_superuser().close()
                return True
            except psycopg.OperationalError as error:
                if "authentication failed" in str(error):
                    raise EmbeddedServerError(
                        f"The database in {self.cluster} has another password than the one in "
                        f"{self.data_dir / 'postgres.json'}. Restore that file."
                    ) from error
                time.sleep(POLL_S)
        if self.process.poll() is None:
            raise EmbeddedServerError(
                f"PostgreSQL takes no connections after {START_TIMEOUT_S:.0f} s: "
                f"{last_words(self.log)}. The whole log is {self.log}."
            )
        return False

    def _connect_as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=str(self._secrets["superuser_password"]),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _ensure_database(self) -> None:
        with self._connect_as_superuser() as connection:
            role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
            known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
            if connection.execute(known, [ROLE]).fetchone() is None:
                password = sql.Literal(self._secrets["password"])
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password)
                )
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
