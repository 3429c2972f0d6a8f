"""The command line of `up`: it starts what Django needs, so it runs before Django does."""

from __future__ import annotations

import os

from hamletweb.supervisor.errors import CannotStartError
from hamletweb.supervisor.plan import read_plan
from hamletweb.supervisor.running import Platform
from hamletweb.supervisor.screen import complain


def main() -> int:
    """Run the platform until somebody stops it. Returns: the exit status of the process."""
    try:
        Platform(read_plan(os.environ)).run()
    except CannotStartError as error:
        complain(str(error))
        return 1
    return 0
