#!/usr/bin/env python
"""The command line: `python manage.py help` lists what there is."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hamletweb.settings")
    try:
        if sys.argv[1:] == ["up"]:
            # It starts the servers that the settings name, so it comes before Django.
            from hamletweb.supervisor.command import main as run
        else:
            run = run_command
        sys.exit(run())
    except ImportError as error:
        sys.exit(
            f"{error.name} is not installed here. Run `make up` once, or use .venv/bin/python."
        )


def run_command() -> None:
    """Run a command of Django; a database that is away is one sentence, not a traceback."""
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line()
    except OperationalError as error:
        # Without a state of SQL it never got to the server; 08 and 57P mean that it went away.
        state = getattr(error.__cause__, "sqlstate", None) or "08"
        if "--traceback" in sys.argv or not state.startswith(("08", "57P")):
            raise
        sys.exit(
            "The database does not answer. Is `make up` running with this HAMLET_DATA_DIR? "
            f"({' '.join(str(error).split())})"
        )


if __name__ == "__main__":
    main()
