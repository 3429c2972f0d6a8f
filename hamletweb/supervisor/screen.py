"""What the terminal shows: short lines while things start, one box when they are there."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence


def say(text: str) -> None:
    """One line, at once, also through a pipe."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show_box(lines: Sequence[str]) -> None:
    """Plain ASCII: a terminal without UTF-8 shows it too."""
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 4)}+"
    print("", edge, *(f"|  {line:<{width}}  |" for line in lines), edge, "", sep="\n", flush=True)
