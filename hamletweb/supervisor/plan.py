"""What the environment asks of `up`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hamletweb.supervisor.errors import CannotStartError

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - recognised, never chosen


@dataclass(frozen=True)
class Plan:
    """Where the platform runs. A server URL of None means an embedded server."""

    data_dir: Path
    host: str
    port: int
    database_url: str | None
    redis_url: str | None

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        host = "127.0.0.1" if self.host in EVERY_ADDRESS else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def open_to_others(self) -> bool:
        return self.host not in LOOPBACK


def read_plan(environment: Mapping[str, str]) -> Plan:
    """Raises: CannotStartError naming the variable that cannot be used."""
    port = environment.get("HAMLET_PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise CannotStartError(f"HAMLET_PORT is {port!r}; expected a number from 1 to 65535.")
    data_dir = Path(environment.get("HAMLET_DATA_DIR") or ROOT / "var")
    return Plan(
        data_dir=data_dir.expanduser().absolute(),
        host=environment.get("HAMLET_HOST") or "127.0.0.1",
        port=int(port),
        database_url=environment.get("DATABASE_URL") or None,
        redis_url=environment.get("REDIS_URL") or None,
    )
