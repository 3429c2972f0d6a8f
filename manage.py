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
            from django.core.management import execute_from_command_line as run
    except ImportError as error:
        sys.exit(
            f"{error.name} is not installed here. Run `make up` once, or use .venv/bin/python."
        )
    sys.exit(run())


if __name__ == "__main__":
    main()
