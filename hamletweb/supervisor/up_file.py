"""<data>/up.json: where the platform is and how a program gets in. Mode 0600.

{"url": "http://127.0.0.1:8000",
 "api_key": "...",                      valid for an admin, checked at each start
 "accounts": {"admin": "...", ...},     first passwords; at each start, changed ones go from here
 "class": {"name": "...", "join_code": "..."},     the first class, if it is there
 "pid": 4242, "ports": {"web": 8000, "postgres": 41321, "valkey": 40213},
 "data_dir": "..."}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hamletweb.embedded.files import write_private

NAME = "up.json"


def read_up_file(data_dir: Path) -> dict[str, Any]:
    """What the last start wrote; empty at the first, or if somebody damaged it."""
    try:
        found = json.loads((data_dir / NAME).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_up_file(data_dir: Path, content: dict[str, Any]) -> None:
    write_private(data_dir / NAME, json.dumps(content, indent=1))
