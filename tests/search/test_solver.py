"""Perfect play is perfect: beside brute force, beside itself, and on the empty board."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.errors import SpecError
from hamlet.search import solver as module
from hamlet.search.solver import Solver
from tests.search.openings import brute_force, drawn_positions

FIRST_MOVES = [-2, -1, 0, 1, 0, -1, -2]  # Allis 1988; Tromp's tables


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(table_mib=8, book=None)


def test_it_agrees_with_brute_force_on_a_thousand_endings(solver):
    endings = [
        position
        for stones in (33, 34, 36, 38, 41)
        for position in drawn_positions(200, stones, seed=1)
    ]
    assert solver.solve_batch(endings) == [brute_force(position) for position in endings]


@pytest.mark.parametrize(("stones", "count"), [(12, 4), (16, 20), (22, 60), (30, 120), (37, 100)])
def test_a_score_is_the_best_over_the_columns(stones, count):
    for position in drawn_positions(count, stones, seed=2):
        fresh = Solver(table_mib=8, book=None)  # so that neither answer comes from the other
        scores = solver_scores(position)
        assert fresh.solve(position) == max(score for score in scores if score is not None)


def solver_scores(position: Position) -> list[int | None]:
    found: list[int | None] = [None] * 7
    for column in position.legal_columns():
        found[column] = -Solver(table_mib=1, book=None).solve(position.play(column))
    assert Solver(table_mib=1, book=None).score_columns(position) == found
    return found


@pytest.mark.parametrize(("stones", "count"), [(12, 5), (18, 30), (28, 60)])
def test_the_mirror_image_has_the_mirrored_scores(solver, stones, count):
    for position in drawn_positions(count, stones, seed=3):
        scores = solver.score_columns(position)
        fresh = Solver(table_mib=8, book=None)
        assert fresh.score_columns(position.mirror()) == scores[::-1]


def test_the_best_columns_are_those_of_the_best_score_or_class(solver):
    for position in drawn_positions(150, 20, seed=4) + drawn_positions(150, 34, seed=4):
        scores = solver.score_columns(position)
        best = max(score for score in scores if score is not None)
        assert solver.best_columns(position) == [c for c, s in enumerate(scores) if s == best]
        outcomes = [None if score is None else int(np.sign(score)) for score in scores]
        assert solver.outcome(position) == np.sign(best)
        assert solver.outcome_columns(position) == outcomes
        keeping = [c for c, outcome in enumerate(outcomes) if outcome == np.sign(best)]
        assert solver.best_columns(position, by="wdl") == keeping


def test_a_win_now_is_worth_what_its_stones_say(solver):
    position = Position.after([3, 2, 3, 2, 3, 2])  # Red wins with the fourth stone
    assert solver.solve(position) == 18
    assert solver.best_columns(position) == [3]
    assert solver.score_columns(position)[3] == 18


def test_a_game_that_is_over_has_a_score_and_no_columns(solver):
    won = Position.after([3, 2, 3, 2, 3, 2, 3])
    assert solver.solve(won) == -18
    assert solver.outcome(won) == -1
    assert solver.score_columns(won) == [None] * 7
    assert solver.best_columns(won) == []
    full = drawn_game()
    assert (full.ply, full.winner, solver.solve(full), solver.best_columns(full)) == (42, 0, 0, [])


def drawn_game() -> Position:
    pairs = [0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 2, 3, 2, 3, 2, 3, 3, 2, 3, 2, 3, 2]
    return Position.after([*pairs, 4, 5, 4, 5, 4, 5, 5, 4, 5, 4, 5, 4, 6, 6, 6, 6, 6, 6])


def test_threads_and_small_tables_change_no_score():
    positions = drawn_positions(300, 18, seed=5) + drawn_positions(300, 26, seed=5)
    alone = Solver(table_mib=16, book=None).solve_batch(positions)
    solved: list[int] = []
    several = Solver(table_mib=1, tables=2, book=None)
    assert several.solve_batch(positions, workers=3, on_progress=solved.append) == alone
    assert sum(solved) == len(positions)


def test_a_failing_listener_stops_the_other_threads():
    positions = drawn_positions(400, 16, seed=6)

    def refuse(_: int) -> None:
        raise RuntimeError("the listener has gone")

    with pytest.raises(RuntimeError, match="the listener has gone"):
        Solver(table_mib=1, tables=2, book=None).solve_batch(positions, 2, on_progress=refuse)
    assert threading.active_count() < 20


def test_the_functions_of_the_module_answer_as_a_solver_does(solver):
    (position,) = drawn_positions(1, 20, seed=7)
    assert module.solve(position) == solver.solve(position)
    assert module.score_columns(position) == solver.score_columns(position)
    assert module.best_columns(position, "wdl") == solver.best_columns(position, "wdl")
    assert module.solve_batch([position] * 3, 2) == [solver.solve(position)] * 3


@pytest.mark.parametrize(
    ("position", "fault"),
    [
        (None, "expected a Position"),
        ("4453", "expected a Position"),
        (Position(own=True, occupied=1), "expected a Position"),
        (Position(own=-1, occupied=-1), "expected a Position"),
        (Position(own=0, occupied=1 << 80), "expected a Position"),
        (Position(own=0.0, occupied=0.0), "expected a Position"),
        (Position(own=0, occupied=2), "stones float"),
        (Position(own=0, occupied=1 << 6), "lie outside the board"),
        (Position(own=1, occupied=0), "no position of play"),
        (Position(own=1, occupied=1), "stones that turns give them"),
        (Position(own=0, occupied=3), "stones that turns give them"),
        (Position(own=0b1111, occupied=0b1111 | 0b1111 << 7), "has four"),
    ],
)
def test_what_is_no_position_is_refused_by_its_place(solver, position, fault):
    for ask in (solver.solve, solver.score_columns, solver.best_columns, solver.outcome):
        with pytest.raises(SpecError, match=fault):
            ask(position)
    with pytest.raises(SpecError, match=r"positions\[1\].*" + fault):
        solver.solve_batch([Position(), position])


def test_arguments_out_of_range_are_refused(solver):
    with pytest.raises(SpecError, match='expected "score" or "wdl"'):
        solver.best_columns(Position(), by="speed")
    for workers in (0, -1, True, 1.5, "2", 10_000):
        with pytest.raises(SpecError, match="workers"):
            solver.solve_batch([], workers=workers)
    with pytest.raises(SpecError, match="expected a list of positions"):
        solver.solve_batch("4453")
    for arguments in ({"table_mib": 0}, {"table_mib": 2**40}, {"tables": 0}, {"tables": "2"}):
        with pytest.raises(SpecError, match=next(iter(arguments))):
            Solver(book=None, **arguments)


@pytest.mark.slow(600)
@pytest.mark.timeout(3600)
def test_the_seven_first_moves_without_a_book():
    solver = Solver(table_mib=512, tables=1, book=None)
    assert solver.score_columns(Position()) == FIRST_MOVES
    assert solver.best_columns(Position()) == [3]
