"""The benchmark of the solver runs from its command line. Nothing here looks at times."""

import json

import pytest

from benchmarks.connect_four import solver


def test_solver(capsys, tmp_path):
    pytest.importorskip("bitbully", reason="the peers come with requirements-bench.txt")
    file = tmp_path / "solver.json"
    assert solver.main(["--quick", "--json", str(file)]) == 0
    assert "| stones | positions | ours" in capsys.readouterr().out
    rows = json.loads(file.read_text())["tables"][0]["rows"]
    assert [row["stones"] for row in rows] == [18, 30]
    assert all(row["same scores"] == f"{row['positions']} of {row['positions']}" for row in rows)
