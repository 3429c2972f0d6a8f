"""Evaluation sets of Connect Four: what is in them, and what they say of a player."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, ShapeError, SpecError
from hamlet.evaluation.connect_four import mistakes
from hamlet.evaluation.connect_four_endings import endings
from hamlet.evaluation.connect_four_sets import (
    DIFFICULTIES,
    STAGES,
    EvaluationSet,
    build_set,
    load_set,
    plies_to_end,
    read_set,
    shipped_sets,
    write_set,
)
from hamlet.evaluation.intervals import wilson_interval
from hamlet.search.labels import NO_MOVE
from hamlet.search.solver import Solver
from hamlet.tensor_file import write_tensor_file


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(table_mib=8, book=None)


@pytest.fixture(scope="module")
def easy(solver) -> EvaluationSet:
    return build_set("end", "easy", 40, 7, solver=solver)


def check(found: EvaluationSet, solver: Solver, rows: range) -> None:
    least, most = STAGES[found.stage]
    shortest, longest = DIFFICULTIES[found.difficulty]
    positions = found.positions
    assert len({position.canonical_key for position in positions}) == len(found)
    for row, position in enumerate(positions):
        assert least <= position.ply <= most
        score = int(found.scores[row].max())
        assert shortest <= plies_to_end(position, score) <= longest
        assert found.legal[row].tolist() == position.legal()
    for row in rows:
        exact = [NO_MOVE if s is None else s for s in solver.score_columns(positions[row])]
        assert found.scores[row].tolist() == exact


def test_a_set_holds_what_its_name_says(easy, solver):
    assert (easy.name, len(easy)) == ("end-easy", 40)
    check(easy, solver, range(40))


def test_the_same_seed_gives_the_same_set_and_another_does_not(easy, solver):
    again = build_set("end", "easy", 40, 7, solver=Solver(table_mib=1, book=None))
    assert (again.own == easy.own).all()
    assert (again.scores == easy.scores).all()
    other = build_set("end", "easy", 40, 8, solver=solver)
    assert (other.own != easy.own).any()


def test_decisive_positions_are_those_whose_moves_lead_to_several_classes(easy):
    for row, decisive in enumerate(easy.decisive):
        classes = {int(np.sign(s)) for s in easy.scores[row] if s != NO_MOVE}
        assert decisive == (len(classes) > 1)
    assert 0 < easy.decisive.sum() < len(easy)


def test_the_forced_end_is_counted_in_plies():
    assert plies_to_end(Position.after([3, 2, 3, 2, 3, 2]), 18) == 1
    assert plies_to_end(Position.after([3, 2, 3, 2, 3]), -18) == 2
    assert plies_to_end(Position(), 1) == 41
    assert plies_to_end(Position.after([3]), -1) == 40
    assert plies_to_end(Position.after([2]), 0) == 41


def test_perfect_choices_are_no_mistakes_and_the_worst_are(easy):
    best = mistakes(easy.scores.argmax(axis=1), easy)
    assert best.all.positions == 40
    assert best.decisive.positions == easy.decisive.sum()
    assert best.all.wdl.mean == best.all.score.mean == best.decisive.wdl.mean == 0
    assert best.all.wdl.low == 0 < best.all.wdl.high
    worst = mistakes(np.where(easy.legal, easy.scores, 99).argmin(axis=1), easy)
    assert worst.decisive.wdl.mean == 1
    assert worst.all.wdl.mean == easy.decisive.mean()
    assert worst.all.score.mean >= worst.all.wdl.mean


def test_a_slower_win_is_a_mistake_of_score_alone():
    scores = np.array([[5, 3, 0, -1, NO_MOVE, NO_MOVE, NO_MOVE]] * 4, np.int8)
    cells = np.zeros(4, np.int64)
    found = mistakes([0, 1, 2, 3], EvaluationSet("end", "easy", 0, 0, cells, cells, scores))
    assert found.wdl.tolist() == [False, False, True, True]
    assert found.score.tolist() == [False, True, True, True]
    assert (found.all.wdl.mean, found.all.score.mean) == (0.5, 0.75)


def test_choices_that_fit_no_position_are_refused(easy):
    with pytest.raises(ShapeError, match="expected 40 whole numbers"):
        mistakes([3], easy)
    with pytest.raises(ShapeError, match="float64"):
        mistakes(np.full(40, 3.0), easy)
    for wrong in (-1, 7):
        with pytest.raises(SpecError, match=rf"choices\[0\]: found column {wrong}"):
            mistakes([wrong] * 40, easy)
    row = int(np.flatnonzero(~easy.legal.all(axis=1))[0])
    choices = easy.scores.argmax(axis=1)
    choices[row] = int(np.argmin(easy.legal[row]))
    with pytest.raises(SpecError, match=rf"choices\[{row}\]"):
        mistakes(choices, easy)


def test_wilson_bounds_are_those_of_the_literature():
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I."""
    for hits, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = wilson_interval(hits, total)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert wilson_interval(0, 20).low == 0
    assert round(wilson_interval(0, 20).high, 4) == 0.1611
    assert wilson_interval(29, 29).high == 1
    for hits, total in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="expected at least 1"):
            wilson_interval(hits, total)


def test_a_set_survives_its_file_and_a_changed_file_is_refused(easy, tmp_path):
    path = tmp_path / "set.safetensors"
    write_set(path, easy)
    again = read_set(path)
    assert (again.name, again.seed) == (easy.name, easy.seed)
    for name in ("own", "occupied", "scores"):
        assert (getattr(again, name) == getattr(easy, name)).all()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="digest"):
        read_set(path)
    write_tensor_file(path, {"own": torch.zeros(3)}, {"kind": "something else"})
    with pytest.raises(CheckpointError, match="this is no connect-four-evaluation-set"):
        read_set(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stage": "opening"},
        {"difficulty": "simple"},
        {"count": 0},
        {"seed": -1},
        {"count": True},
        {"fewest_stones": 42},
    ],
)
def test_a_request_out_of_range_is_refused(wrong):
    request = {"stage": "end", "difficulty": "easy", "count": 1, "seed": 0} | wrong
    with pytest.raises(SpecError, match=next(iter(wrong))):
        build_set(**request)


def test_a_combination_without_positions_says_so(solver):
    with pytest.raises(SpecError, match="found 0 positions"):
        build_set("end", "hard", 1, 0, solver=solver)


def test_the_sets_of_the_library_are_whole_and_right(solver):
    names = shipped_sets()
    assert {"begin-easy", "middle-easy", "end-easy", "begin-medium", "middle-medium"} <= set(names)
    for name in names:
        found = load_set(name)
        assert found.name == name
        assert len(found) >= 100
        latest = np.argsort([-position.ply for position in found.positions])[:5]
        check(found, solver, latest.tolist())
    with pytest.raises(SpecError, match="expected one of begin-easy"):
        load_set("../begin-easy")


def test_endings_are_labelled_by_the_solver(solver):
    found = endings(60, (6, 10), seed=3, solver=solver)
    again = endings(60, (6, 10), seed=3)
    assert all((found[name] == again[name]).all() for name in found)
    for row in range(60):
        position = Position(int(found["own"][row]), int(found["occupied"][row]))
        assert 6 <= 42 - position.ply <= 10
        scores = solver.score_columns(position)
        assert [None if s == NO_MOVE else s for s in found["scores"][row].tolist()] == scores
        assert found["value"][row] == np.sign(solver.solve(position))
        best = solver.best_columns(position)
        expected = np.isin(np.arange(7), best) / np.float32(len(best))
        assert np.allclose(found["policy"][row], expected)


@pytest.mark.parametrize("cells", [(0, 3), (5, 4), (1, 21), (1.0, 2), 6, (1, 2, 3)])
def test_empty_cells_out_of_range_are_refused(cells):
    with pytest.raises(SpecError, match="empty_cells"):
        endings(3, cells)
