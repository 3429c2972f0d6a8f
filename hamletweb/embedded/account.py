"""Who the embedded servers run as: ourselves, or an unprivileged account where we are root.

PostgreSQL refuses to run as root. As root we start it as `nobody`, without changing the
permissions of any directory that leads to the data:

- the data directory may lie below directories that `nobody` cannot enter (0700 /root). The server
  is started *inside* it (the working directory is set before the account changes) and told that
  its data is at /proc/self/cwd, which needs no right on the directories above;
- the binaries may lie there too. Then they are copied to a directory that it can enter
  (see binaries.py).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hamletweb.embedded.errors import EmbeddedServerError


@dataclass(frozen=True)
class Account:
    """A user and group; `differs` is true where it is not the one that runs this process."""

    uid: int
    gid: int

    @property
    def differs(self) -> bool:
        return self.uid != os.geteuid()

    def popen_arguments(self) -> dict[str, object]:
        """What `subprocess` needs to start a process as this account, without our groups."""
        if not self.differs:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def data_path(self, directory: Path) -> str:
        """How a server that was started inside `directory` names it."""
        return "/proc/self/cwd" if self.differs else str(directory)

    def can_enter(self, directory: Path) -> bool:
        if not self.differs:
            return os.access(directory, os.R_OK | os.X_OK)
        # Asked of the kernel as that account: mode bits alone miss ACLs and mount options.
        command = ["/bin/sh", "-c", 'cd "$1" && ls . >/dev/null', "sh", str(directory)]
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell text from outside
            command, cwd="/", capture_output=True, check=False, **self.popen_arguments()
        )
        return done.returncode == 0


def server_account() -> Account:
    """The account of the embedded servers.

    Raises: EmbeddedServerError as root on a machine without the user `nobody`.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedServerError(
            "PostgreSQL does not run as root, and this machine has no user `nobody` to run it as. "
            "Start as an ordinary user, or set DATABASE_URL to a server that you run."
        ) from error
    return Account(nobody.pw_uid, nobody.pw_gid)
