"""What the terminal shows: short lines while things start, one box when they are there."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import TextIO


def say(text: str) -> None:
    """One line, at once, also through a pipe."""
    _show(f"{time.strftime('%H:%M:%S')}  {text}", sys.stdout)


def complain(text: str) -> None:
    _show(text, sys.stderr)


def show_box(lines: Sequence[str]) -> None:
    """Plain ASCII: a terminal without UTF-8 shows it too."""
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 4)}+"
    _show(
        "\n".join(("", edge, *(f"|  {line:<{width}}  |" for line in lines), edge, "")), sys.stdout
    )


def _show(text: str, where: TextIO) -> None:
    # A terminal that was closed, or a pipe that nobody reads, must not keep us from stopping well.
    with contextlib.suppress(OSError, ValueError):
        print(text, file=where, flush=True)
