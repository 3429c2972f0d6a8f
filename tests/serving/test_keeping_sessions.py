"""The bounds of sessions, and two questions to one session at once."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.errors import SpecError
from registry.serving import sessions
from registry.serving.errors import SessionConflictError, SessionsFullError
from registry.serving.sessions import Wish

pytestmark = pytest.mark.usefixtures("redis_url")
VERSION = (7, "1.0.0")
STATE = {
    "hidden_h": np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    "hidden_c": np.ones((1, 2, 3), np.float32),
}


def test_state_comes_back_as_it_went():
    sessions.write(1, Wish("a", reset=False), None, VERSION, STATE)
    found = sessions.read(1, "a")
    assert (found.version_id, found.version, found.steps) == (7, "1.0.0", 1)
    for name, array in STATE.items():
        assert np.array_equal(found.state[name], array)
        assert found.state[name].flags.writeable


def test_of_two_questions_at_once_one_is_refused():
    sessions.write(1, Wish("a", reset=False), None, VERSION, STATE)
    before = sessions.read(1, "a")
    sessions.write(1, Wish("a", reset=False), before, VERSION, STATE)
    with pytest.raises(SessionConflictError, match="one after the other"):
        sessions.write(1, Wish("a", reset=False), before, VERSION, STATE)
    with pytest.raises(SessionConflictError):
        sessions.write(1, Wish("a", reset=False), None, VERSION, STATE)
    assert sessions.read(1, "a").steps == 2


def test_sessions_of_a_user_are_bounded_and_free_when_they_end(settings):
    settings.SESSIONS_PER_USER = 2
    for key in ("a", "b"):
        sessions.write(1, Wish(key, reset=False), None, VERSION, STATE)
    with pytest.raises(SessionsFullError) as refused:
        sessions.write(1, Wish("c", reset=False), None, VERSION, STATE)
    assert refused.value.retry_after_s == settings.SESSION_SECONDS
    sessions.write(2, Wish("c", reset=False), None, VERSION, STATE)  # another user's
    sessions.write(1, Wish("a", reset=True), None, VERSION, STATE)  # there is room for that one


def test_state_is_bounded_in_size(settings):
    settings.SESSION_BYTES = 50
    with pytest.raises(SpecError, match="at most 50"):
        sessions.write(1, Wish("a", reset=False), None, VERSION, STATE)
    assert sessions.read(1, "a") is None
