"""Places in the queue of those who think: so many in all, a few for each person."""

from __future__ import annotations

import threading

import pytest

from live.playing.errors import ThinkersBusyError
from live.playing.thinking import MOST_OF_ONE, MOST_WAITING, Thinkers

PATIENCE_S = 30


@pytest.fixture
def end():
    event = threading.Event()
    yield event
    event.set()


def test_one_person_cannot_take_all_places(end):
    thinkers = Thinkers()
    waiting = [thinkers.submit(1, end.wait) for _ in range(MOST_OF_ONE)]
    with pytest.raises(ThinkersBusyError, match=f"You wait for {MOST_OF_ONE} answers"):
        thinkers.submit(1, end.wait)
    other = thinkers.submit(2, lambda: {"move": 3})
    end.set()
    assert other.result(PATIENCE_S) == {"move": 3}
    assert all(future.result(PATIENCE_S) for future in waiting)
    assert thinkers.submit(1, dict).result(PATIENCE_S) == {}


def test_a_question_that_is_taken_back_frees_its_place(end):
    thinkers = Thinkers()
    first, *rest = [thinkers.submit(1, end.wait) for _ in range(MOST_OF_ONE)]
    assert all(future.cancel() for future in rest)
    assert not first.done()
    assert thinkers.submit(1, dict)


def test_all_together_take_no_more_than_there_are(end):
    thinkers = Thinkers()
    for person in range(MOST_WAITING):
        thinkers.submit(person, end.wait)
    with pytest.raises(ThinkersBusyError, match="players wait"):
        thinkers.submit(-1, end.wait)
