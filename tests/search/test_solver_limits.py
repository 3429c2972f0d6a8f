"""A search that may not go on says what is proven, and never guesses."""

from __future__ import annotations

import threading
import time

import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.errors import SpecError
from hamlet.search.solver import Limits, SolveCancelled, Solver, SolveTimeout
from tests.search.openings import drawn_positions


@pytest.fixture
def solver() -> Solver:
    return Solver(table_mib=4, tables=2, book=None)


@pytest.mark.parametrize("nodes", [1, 50, 500, 5000])
def test_a_node_limit_gives_bounds_that_hold(nodes):
    reached = 0
    for position in drawn_positions(20, 14, seed=1):
        error = stopped(Solver(table_mib=4, book=None), position, Limits(nodes=nodes))
        if error is None:
            continue
        reached += 1
        assert error.nodes == nodes
        assert error.bounds == [(error.low, error.high)]
        assert error.low < error.high
        assert error.low <= Solver(table_mib=4, book=None).solve(position) <= error.high
        assert f"{nodes} nodes were allowed" in str(error)
    assert reached > 0


def stopped(solver: Solver, position: Position, limits: Limits) -> SolveTimeout | None:
    try:
        solver.solve(position, limits)
    except SolveTimeout as error:
        return error
    return None


def test_what_was_looked_at_before_helps_the_next_time(solver):
    (position,) = drawn_positions(1, 12, seed=3)
    attempts = 1
    while stopped(solver, position, Limits(nodes=2000)):
        attempts += 1
        assert attempts < 2000
    fresh = Solver(table_mib=4, book=None)
    assert solver.solve(position, Limits(nodes=2000)) == fresh.solve(position)


def test_columns_that_ran_out_of_nodes_carry_bounds_that_hold(solver):
    (position,) = drawn_positions(1, 14, seed=2)
    with pytest.raises(SolveTimeout) as caught:
        solver.score_columns(position, Limits(nodes=40))
    exact = solver.score_columns(position)
    assert len(caught.value.bounds) == 7
    for bounds, score in zip(caught.value.bounds, exact, strict=True):
        if score is None:
            assert bounds is None
        else:
            assert bounds[0] <= score <= bounds[1]


def test_a_batch_that_ran_out_of_nodes_carries_the_bounds_of_all(solver):
    positions = drawn_positions(300, 16, seed=2)
    with pytest.raises(SolveTimeout) as caught:
        solver.solve_batch(positions, workers=2, limits=Limits(nodes=100_000))
    exact = solver.solve_batch(positions)
    assert caught.value.nodes == 100_000
    assert len(caught.value.bounds) == 300
    assert all(
        low <= score <= high for (low, high), score in zip(caught.value.bounds, exact, strict=True)
    )
    assert any(low == high for low, high in caught.value.bounds)
    assert any(low < high for low, high in caught.value.bounds)


def test_the_bounds_of_the_empty_board_hold_from_the_start(solver):
    for nodes in (1_000, 100_000, 3_000_000):
        with pytest.raises(SolveTimeout) as caught:
            solver.solve(Position(), Limits(nodes=nodes))
        assert caught.value.low <= 1 <= caught.value.high
    assert caught.value.high - caught.value.low < 41


def test_a_time_limit_is_kept(solver):
    start = time.monotonic()
    with pytest.raises(SolveTimeout, match=r"0\.2 s are over"):
        solver.solve(Position(), Limits(time_s=0.2))
    assert time.monotonic() - start < 5


def test_a_search_is_cancelled_from_another_thread(solver):
    stop, found = threading.Event(), []

    def ask() -> None:
        try:
            found.append(solver.solve(Position(), Limits(stop=stop)))
        except SolveTimeout as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert isinstance(found[0], SolveCancelled)
    assert found[0].low <= 1 <= found[0].high
    # The solver, and the table it had lent, go on serving.
    (ending,) = drawn_positions(1, 34, seed=1)
    assert solver.solve(ending) == Solver(table_mib=1, book=None).solve(ending)


def test_an_answer_that_needs_no_search_fits_any_limit(solver):
    stop = threading.Event()
    position = Position.after([3, 2, 3, 2, 3, 2])
    assert solver.solve(position, Limits(nodes=1)) == 18
    stop.set()
    with pytest.raises(SolveCancelled):
        solver.solve(position, Limits(stop=stop))


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_s": 0},
        {"time_s": -1.0},
        {"time_s": float("nan")},
        {"time_s": float("inf")},
        {"time_s": "2"},
        {"nodes": 0},
        {"nodes": 1.5},
        {"nodes": True},
        {"stop": True},
    ],
)
def test_limits_out_of_range_are_refused(wrong):
    with pytest.raises(SpecError, match=next(iter(wrong))):
        Limits(**wrong)
