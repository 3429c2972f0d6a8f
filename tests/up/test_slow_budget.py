"""`--slow-budget-s`: a time-boxed share of the slow tests, and no word lost about the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
import pytest
from tests.running.slow_budget import SlowBudget, budget_of

def pytest_addoption(parser):
    parser.addoption("--slow-budget-s", type=float, default=None)

def pytest_configure(config):
    config.addinivalue_line("markers", "slow(expected_s): slow")
    config.pluginmanager.register(SlowBudget(budget_of(config)))
"""
TESTS = """
import pytest

@pytest.mark.slow(40)
def test_slow_one(): pass

@pytest.mark.slow(expected_s=40)
def test_slow_two(): pass

@pytest.mark.slow
def test_slow_of_unknown_length(): pass

def test_quick(): pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)
    return tmp_path


def run(suite: Path, *options: str) -> list[str]:
    """Lines of `pytest -v` in the suite, with no plugin but what it names."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
        + ["--rootdir", str(suite), *options, str(suite)],
        cwd=suite,
        # Loading the plugins of the whole suite takes longer than all tests of this one.
        env=plain | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def passed(lines: list[str]) -> list[str]:
    return [line.split("::")[1].split()[0] for line in lines if "PASSED" in line and "::" in line]


def test_without_the_option_slow_tests_are_left_out(suite: Path) -> None:
    lines = run(suite)
    assert passed(lines) == ["test_quick"]
    assert "1 passed, 3 deselected" in lines[-1]


def test_asking_for_slow_tests_runs_all_of_them(suite: Path) -> None:
    lines = run(suite, "-m", "slow")
    assert passed(lines) == ["test_slow_one", "test_slow_two", "test_slow_of_unknown_length"]


def test_what_does_not_fit_is_named_and_never_counted_as_passed(suite: Path) -> None:
    # Of 35 s, a test that may take 40 is too long; one that says nothing is taken for 30.
    lines = run(suite, "--slow-budget-s", "35", "-ra")
    assert passed(lines) == ["test_quick", "test_slow_of_unknown_length"]
    assert "2 passed, 2 skipped" in lines[-1]
    for name in ("test_slow_one", "test_slow_two"):
        expected = f"did not fit into 35 s: pytest -m slow test_some.py::{name}"
        assert any(line.endswith(expected) for line in lines)


def test_fixtures_of_a_folder_end_though_its_last_test_did_not_fit(suite: Path) -> None:
    (suite / "test_some.py").unlink()
    for folder, expected_s in (("a", (1, 40)), ("b", (1,))):
        (suite / folder).mkdir()
        (suite / folder / f"test_{folder}.py").write_text(
            "import pytest\n"
            "@pytest.fixture(scope='module', autouse=True)\n"
            "def told():\n"
            "    yield\n"
            f"    print('the end of {folder}')\n"
            + "".join(
                f"@pytest.mark.slow({seconds})\ndef test_of_{seconds}_s(): pass\n"
                for seconds in expected_s
            )
        )
    lines = run(suite, "--slow-budget-s", "35", "-s")
    assert "2 passed, 1 skipped" in lines[-1]
    ends = [line for line in lines if "the end of" in line]
    assert [line.split()[-1] for line in ends] == ["a", "b"]


def test_workers_of_xdist_name_them_too(suite: Path) -> None:
    text = "\n".join(run(suite, "--slow-budget-s", "35", "-ra", "-p", "xdist", "-n", "1"))
    assert "2 passed, 2 skipped" in text
    assert "did not fit into 35 s: pytest -m slow test_some.py::test_slow_one" in text
