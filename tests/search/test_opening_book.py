"""A book of openings saves time, changes no answer, and is refused when it is damaged."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.errors import SpecError
from hamlet.search import book_building
from hamlet.search.book_building import build_book, openings, read_partial, with_earlier
from hamlet.search.opening_book import (
    HEADER,
    OpeningBookError,
    make_book,
    open_book,
    shipped_book,
    write_book,
)
from hamlet.search.solver import Limits, SolveCancelled, Solver
from tests.search.openings import drawn_positions

STONES = 34


@pytest.fixture
def scored() -> dict[Position, int]:
    """Endings and their scores: a book may hold any positions."""
    positions = drawn_positions(200, STONES, seed=11)
    return dict(zip(positions, Solver(table_mib=4, book=None).solve_batch(positions), strict=True))


@pytest.fixture
def book(scored, tmp_path):
    scores = {position.canonical_key: score for position, score in scored.items()}
    return write_book(tmp_path / "endings.book", make_book(scores, STONES))


def test_a_book_answers_as_the_solver_that_made_it(book, scored):
    for position, score in scored.items():
        assert book.lookup(position) == book.lookup(position.mirror()) == score
    assert book.lookup(Position()) is None
    assert len(book) == len({position.canonical_key for position in scored})


def test_a_book_changes_no_answer(book, scored):
    with_book, without = Solver(table_mib=4, book=book), Solver(table_mib=4, book=None)
    for position in [*scored, *drawn_positions(30, 28, seed=12)]:
        assert with_book.solve(position) == without.solve(position)


def test_a_solver_believes_its_book():
    """So that a wrong score shows here, and the other tests cannot pass without a lookup."""
    believed = 0
    for position in drawn_positions(40, 20, seed=13):
        score = Solver(table_mib=1, book=None).solve(position)
        wrong = make_book({position.canonical_key: max(-9, score - 1)}, 20)
        for side in (position, position.mirror()):
            # What the rules alone say comes before the book.
            believed += Solver(table_mib=1, book=wrong).solve(side) != score
    assert believed >= 20


def test_all_openings_are_counted_up_to_mirror_images():
    levels = openings(5)
    assert [len(level) for level in levels] == [1, 4, 25, 121, 568, 2144]
    assert all(key == position.canonical_key for key, position in levels[4].items())


def test_scores_of_earlier_positions_follow_from_later_ones():
    levels = openings(2)
    generator = np.random.default_rng(0)
    last = {key: int(generator.integers(-9, 10)) for key in levels[2]}
    scores = with_earlier(levels, last)
    assert set(scores) == {key for level in levels for key in level}
    for key, position in levels[1].items():
        after = [last[position.play(column).canonical_key] for column in range(7)]
        assert scores[key] == max(-score for score in after)
    assert scores[0] == max(-scores[Position().play(column).canonical_key] for column in range(7))


@pytest.fixture
def quick_openings(monkeypatch, scored):
    """As if endings were openings: building one for real takes minutes a position."""
    level = {position.canonical_key: position for position in scored}
    monkeypatch.setattr(book_building, "openings", lambda _: [level])
    return level


def test_a_build_goes_on_where_it_was_stopped(quick_openings, scored, tmp_path):
    path, stop = tmp_path / "a.book", threading.Event()

    def stop_soon(solved: int, total: int) -> None:
        assert total == len(quick_openings)
        if solved >= 20:
            stop.set()

    with pytest.raises(SolveCancelled):
        build_book(path, 3, table_mib=1, limits=Limits(stop=stop), on_progress=stop_soon)
    assert not path.exists()
    partial = tmp_path / "a.book.partial"
    assert len(read_partial(partial, 3)) == 20
    partial.write_bytes(partial.read_bytes() + b"cut off")  # as a power cut leaves it
    later: list[int] = []
    book = build_book(path, 3, workers=2, table_mib=1, on_progress=lambda n, _: later.append(n))
    assert later[0] > 20
    assert all(book.lookup(position) == score for position, score in scored.items())
    assert not partial.exists()


def test_a_partial_file_of_other_plies_or_a_damaged_record_is_not_believed(
    quick_openings, tmp_path
):
    path, stop = tmp_path / "a.book", threading.Event()
    with pytest.raises(SolveCancelled):
        build_book(
            path, 3, table_mib=1, limits=Limits(stop=stop), on_progress=lambda *_: stop.set()
        )
    partial = tmp_path / "a.book.partial"
    assert read_partial(partial, 4) == {}
    content = bytearray(partial.read_bytes())
    content[12 + 8] ^= 1  # the score of the first record
    partial.write_bytes(content)
    assert read_partial(partial, 3) == {}


@pytest.mark.parametrize("plies", [0, 13, True, 1.5, "4"])
def test_plies_out_of_range_are_refused(plies, tmp_path):
    with pytest.raises(SpecError, match="expected 1 to 12 stones"):
        build_book(tmp_path / "a.book", plies)


def changed(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def signed(content: bytes) -> bytes:
    """With the sha256 that fits what follows the header."""
    return changed(content, 24, hashlib.sha256(content[HEADER.size :]).digest())


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: b"", "no opening book"),
        (lambda content: b"PK" + content[2:], "no opening book"),
        (lambda content: content[:40], "no opening book"),
        (lambda content: changed(content, 8, b"\x09"), "found version 9"),
        (lambda content: changed(content, 12, b"\xff\xff\xff\xff"), "of up to 4294967295 stones"),
        (lambda content: changed(content, 16, b"\xff" * 8), "18446744073709551615 positions"),
        (lambda content: content[:-1], "bytes"),
        (lambda content: content + b"\0", "bytes"),
        (lambda content: changed(content, 70, b"\x55\x55"), "does not fit its sha256"),
        (lambda content: signed(content[:64] + content[72:80] + content[64:72] + content[80:]),
         "keys must rise"),
        (lambda content: signed(content[:-1] + b"\x40"), "from -21 to 21"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_fault(book, tmp_path, damage, fault):
    path = tmp_path / "damaged.book"
    path.write_bytes(damage((tmp_path / "endings.book").read_bytes()))
    with pytest.raises(OpeningBookError, match=fault):
        open_book(path)


shipped = shipped_book()
needs_book = pytest.mark.skipif(
    shipped is None, reason="no book is shipped: make it with manage.py build_opening_book"
)


@needs_book
def test_the_book_of_the_library_is_whole_and_agrees_with_itself():
    levels = openings(shipped.plies)
    assert set(shipped.keys.tolist()) == {key for level in levels for key in level}
    scores = dict(zip(shipped.keys.tolist(), shipped.scores.tolist(), strict=True))
    last = {key: scores[key] for key in levels[-1]}
    assert with_earlier(levels, last) == scores


@needs_book
def test_the_seven_first_moves_with_the_book_of_the_library():
    solver = Solver(table_mib=1)
    limits = Limits(nodes=100)
    assert solver.score_columns(Position(), limits) == [-2, -1, 0, 1, 0, -1, -2]
    assert solver.best_columns(Position(), limits=limits) == [3]
    assert solver.solve(Position(), limits) == 1
