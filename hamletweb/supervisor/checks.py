"""What would stop the platform, found before anything is started."""

from __future__ import annotations

import json
import socket
import stat
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
import redis

from hamletweb.embedded.account import server_account
from hamletweb.embedded.binaries import find_postgres, find_valkey
from hamletweb.embedded.errors import AlreadyHeldError, EmbeddedServerError
from hamletweb.embedded.files import hold_lock
from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import Plan

CONNECT_TIMEOUT_S = 5


def hold_data_directory(plan: Plan) -> IO[str]:
    """Make the data directory where there is none and hold it until the file is closed.

    Raises: CannotStartError if it cannot be written, others may write to it, or it is in use.
    """
    path = plan.data_dir
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):  # access bits lie on a read-only file system
            pass
        open_to_all = path.stat().st_mode & stat.S_IWOTH
    except OSError as error:
        raise CannotStartError(
            f"The data directory {path} cannot be written ({error.strerror}). Make it writable, "
            "or name another one in HAMLET_DATA_DIR."
        ) from error
    if open_to_all:
        raise CannotStartError(
            f"Everybody may write to the data directory {path}. Say `chmod o-w` to it first, or "
            "name another one in HAMLET_DATA_DIR."
        )
    try:
        return hold_lock(path / "up.lock", f"HamletWeb is running with {path} already")
    except AlreadyHeldError as error:
        raise CannotStartError(
            f"{error} Open {_url_of(path)}, stop that one with Ctrl-C, or start another beside it "
            "with other HAMLET_DATA_DIR and HAMLET_PORT."
        ) from error
    except OSError as error:
        raise CannotStartError(
            f"{path / 'up.lock'} cannot be opened ({error.strerror}): another user made it. Start "
            "as that user, or name another directory in HAMLET_DATA_DIR."
        ) from error


def check_plan(plan: Plan) -> None:
    """Raises: CannotStartError for the first thing that would stop us."""
    check_port(plan)
    try:
        account = server_account() if not (plan.database_url and plan.redis_url) else None
        if not plan.database_url:
            find_postgres(account)
        if not plan.redis_url:
            find_valkey(account)
    except EmbeddedServerError as error:
        raise CannotStartError(str(error)) from error
    if plan.database_url:
        check_database(plan.database_url)
    if plan.redis_url:
        check_broker(plan.redis_url)


def check_port(plan: Plan) -> None:
    try:
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CannotStartError(
            f"HAMLET_HOST is {plan.host!r}, which is no address of this machine ({error.strerror})."
        ) from error
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError as error:
            raise CannotStartError(
                f"You may not listen on port {plan.port}. Choose one above 1023 with HAMLET_PORT."
            ) from error
        except OSError as error:
            raise CannotStartError(
                f"Port {plan.port} of {plan.host} is taken ({error.strerror}). Choose another: "
                f"`HAMLET_PORT={plan.port % 65535 + 1} make up`."
            ) from error


def check_database(url: str) -> None:
    if not url.startswith(("postgres://", "postgresql://")):
        raise CannotStartError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name. Other "
            "databases are not supported."
        )
    check_readable("DATABASE_URL", url)
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise unreadable("DATABASE_URL") from None
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S).close()
    except psycopg.Error as error:
        # The message of libpq names host, port and user; of a URL that was read right, never the
        # password.
        reason = str(error).strip().splitlines()[-1]
        raise CannotStartError(
            f"The database that DATABASE_URL names cannot be reached: {reason}. Start it, correct "
            "the URL, or unset DATABASE_URL to use an embedded one."
        ) from error


def check_broker(url: str) -> None:
    check_readable("REDIS_URL", url)
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise CannotStartError(
            "The server that REDIS_URL names cannot be reached: it must look like "
            "redis://:password@host:6379/0."
        )
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S) as client:
            client.ping()
    except (ValueError, TypeError):
        raise unreadable("REDIS_URL") from None
    except redis.exceptions.RedisError as error:
        raise CannotStartError(
            f"The server that REDIS_URL names cannot be reached: {error}. Start it, correct the "
            "URL, or unset REDIS_URL to use an embedded one."
        ) from error


def check_readable(name: str, url: str) -> None:
    """Raises: CannotStartError for a URL whose password would be taken for host or port, and so
    be named in the message of whoever connects."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError if it is no number
    except ValueError:
        raise unreadable(name) from None
    if url.count("@") > 1 or ("@" in url and "@" not in parts.netloc):
        raise unreadable(name)


def unreadable(name: str) -> CannotStartError:
    """Without the cause, which quotes the URL with its password."""
    return CannotStartError(f"{name} cannot be read; percent-encode special characters in it.")


def _url_of(data_dir: Path) -> str:
    try:
        return str(json.loads((data_dir / "up.json").read_text())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return "the address it printed"
