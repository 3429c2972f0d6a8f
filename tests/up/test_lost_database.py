"""Commands while the platform is down say one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hamletweb.supervisor.plan import ROOT


@pytest.mark.parametrize(
    "command",
    [["runs"], ["run", "pause", "00000000-0000-4000-8000-000000000000"]],
    ids=["runs", "run"],
)
def test_command_without_a_database_ends_in_one_sentence(
    tmp_path: Path, command: list[str]
) -> None:
    told = {
        "HAMLET_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql://someone:topsecret@127.0.0.1:1/none",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        env=os.environ | told | {"HAMLET_SECRET_KEY": "x" * 50},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    wanted = "The database does not answer. Is `make up` running with this HAMLET_DATA_DIR?"
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert "topsecret" not in done.stderr
