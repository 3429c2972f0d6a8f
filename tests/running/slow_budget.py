"""A time-boxed share of the slow tests.

`@pytest.mark.slow` says that a test takes more than ten seconds; `@pytest.mark.slow(90)` says how
many it is expected to take on one core. They run last:

- `pytest` leaves them out;
- `pytest -m slow` runs all of them, and nothing else;
- `pytest --slow-budget-s 240` runs, in each worker, as many as fit into 240 s.

Those that do not fit are deselected, and named at the end: nobody takes them for passed.
"""

from __future__ import annotations

import time

import pytest

EXPECTED_S = 30.0
NOT_RUN = "slow_tests_not_run"


class SlowBudget:
    """One for each process; the controller of pytest-xdist collects what its workers left out."""

    def __init__(self, budget_s: float | None) -> None:
        self.budget_s = budget_s  # None: no limit
        self.began: float | None = None
        self.not_run: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        if self.budget_s == 0:
            config.hook.pytest_deselected(items=slow)
        else:
            items += slow

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        if self.budget_s is None or not (mark := item.get_closest_marker("slow")):
            return None
        self.began = self.began or time.monotonic()
        expected_s = float(mark.args[0]) if mark.args else EXPECTED_S
        if time.monotonic() - self.began + expected_s <= self.budget_s:
            return None
        self.not_run.append(item.nodeid)
        if not hasattr(item.config, "workeroutput"):
            item.config.hook.pytest_deselected(items=[item])
        return True  # done with this one, without a report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[NOT_RUN] = self.not_run

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.not_run += getattr(node, "workeroutput", {}).get(NOT_RUN, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.not_run:
            return
        terminalreporter.section("slow tests left out")
        terminalreporter.line(
            f"{len(self.not_run)} did not fit into {self.budget_s:.0f} s. "
            "`pytest -m slow` runs them:"
        )
        for name in sorted(self.not_run):
            terminalreporter.line(f"  {name}")


def budget_of(config: pytest.Config) -> float | None:
    """Seconds for slow tests: what the option says, all if `-m` asks for them, else none."""
    said = config.getoption("slow_budget_s")
    if said is not None:
        return said
    return None if "slow" in (config.getoption("markexpr") or "").replace("not slow", "") else 0.0
