"""Commands that make what strength is measured with: opening books and evaluation sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hamlet.evaluation.connect_four_sets import read_set
from hamlet.search.opening_book import open_book


def test_an_evaluation_set_is_made_and_says_what_it_holds(tmp_path: Path, capsys):
    file = tmp_path / "end.safetensors"
    wanted = {"stage": "end", "difficulty": "easy", "count": 5, "seed": 3}
    call_command("build_evaluation_set", file, **wanted)
    made = read_set(file)
    assert (made.name, len(made), made.seed) == ("end-easy", 5, 3)
    assert "end-easy, 5 positions" in capsys.readouterr().out


def test_a_stage_that_is_none_is_refused_with_those_there_are(tmp_path: Path):
    with pytest.raises(CommandError, match="begin, middle, end"):
        call_command(
            "build_evaluation_set", tmp_path / "x", stage="late", difficulty="easy", count=1
        )
    assert list(tmp_path.iterdir()) == []


def test_a_book_of_more_stones_than_it_can_hold_is_refused(tmp_path: Path):
    with pytest.raises(CommandError, match="1 to 12 stones"):
        call_command("build_opening_book", tmp_path / "book", plies=13)
    assert list(tmp_path.iterdir()) == []


def test_a_book_that_is_solved_already_is_written_anew(tmp_path: Path, capsys, monkeypatch):
    from hamlet.search import book_building
    from hamlet.search.opening_book import shipped_book
    from hamlet.search.solver import Solver

    # The answers of the shipped book, so that the test does not take its minutes again.
    known = Solver(book=shipped_book())
    monkeypatch.setattr(book_building, "Solver", lambda **_: known)
    call_command("build_opening_book", tmp_path / "book", plies=1)
    assert len(open_book(tmp_path / "book")) == len(shipped_book())
    assert "positions of up to 1 stones" in capsys.readouterr().out
