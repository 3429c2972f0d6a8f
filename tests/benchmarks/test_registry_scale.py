"""The benchmark of a full registry runs from its command line; nothing here looks at times."""

import json
import subprocess
import sys

import pytest

from benchmarks.machine import ROOT


@pytest.mark.slow(expected_s=60)
@pytest.mark.timeout(600)
def test_registry_scale(tmp_path):
    # A process of its own: it makes a database and sets Django up on it.
    file = tmp_path / "scale.json"
    command = [sys.executable, "-m", "benchmarks.registry_scale", "--quick", "--json", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    tables = {table["title"]: table["rows"] for table in json.loads(file.read_text())["tables"]}
    assert {"Lists", "Searches", "Comparisons"} <= set(tables)
    assert all(row["p95 ms"]["median"] > 0 for row in tables["Searches"])
    assert "10 runs with curves, API" in [row["what"] for row in tables["Comparisons"]]
