"""A time-boxed share of the slow tests.

`@pytest.mark.slow` says that a test takes more than ten seconds; `@pytest.mark.slow(90)` says how
many it is expected to take on one core. They run last:

- `pytest` leaves them out;
- `pytest -m slow` runs all of them, and nothing else;
- `pytest --slow-budget-s 240` runs, in each worker, as many as fit into 240 s.

Those that do not fit are skipped, and named at the end: nobody takes them for passed.
"""

from __future__ import annotations

import time

import pytest

EXPECTED_S = 30.0


class SlowBudget:
    """One for each process of pytest-xdist."""

    def __init__(self, budget_s: float | None) -> None:
        self.budget_s = budget_s  # None: no limit
        self.began: float | None = None

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
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip what does not fit, before a fixture is made for it."""
        if self.budget_s is None or not (mark := item.get_closest_marker("slow")):
            return
        self.began = self.began or time.monotonic()
        if time.monotonic() - self.began + expected_s(mark) > self.budget_s:
            pytest.skip(f"did not fit into {self.budget_s:.0f} s: pytest -m slow {item.nodeid}")


def expected_s(mark: pytest.Mark) -> float:
    """Seconds: `slow(90)` and `slow(expected_s=90)` say the same."""
    return float(mark.args[0] if mark.args else mark.kwargs.get("expected_s", EXPECTED_S))


def budget_of(config: pytest.Config) -> float | None:
    """Seconds for slow tests: what the option says, all if `-m` asks for them, else none."""
    said = config.getoption("slow_budget_s")
    if said is not None:
        return said
    return None if "slow" in (config.getoption("markexpr") or "").replace("not slow", "") else 0.0
