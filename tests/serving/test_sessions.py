"""Hidden state kept by the server between the questions of a session."""

from __future__ import annotations

import numpy as np
import pytest
import redis

from hamlet.model import HamletModel, StatefulModel
from registry.artifacts.store import open_artifact
from registry.problems import pointer_of
from tests.registry.checkpoints import RECURRENT, observation
from tests.serving.asking import PREDICT

SESSION = "agent-1"


@pytest.fixture
def version(register):
    return register(brain=RECURRENT, onnx=True)


@pytest.fixture
def home(version) -> HamletModel:
    return HamletModel.load_from_checkpoint(open_artifact(version.artifact))


@pytest.fixture
def ask(program, home):
    def send(seed: int = 0, **rest):
        body = {"model": "walker", "observation": observation(home, seed), "session": SESSION}
        return program.ask(PREDICT, {**body, **rest})

    return send


def test_session_goes_on_where_it_was(ask, home):
    alone = StatefulModel(home)
    for step in range(3):
        told = ask(step)
        assert told.status == 200, told.body
        assert set(told.data["outputs"]) == {"actions", "q_values"}, "the server keeps the state"
        assert told.data["session"] == {"key": SESSION, "steps": step + 1, "expires_in_s": 600}
        expected = alone.predict([observation(home, step)])["q_values"]
        assert np.allclose(told.data["outputs"]["q_values"], expected, rtol=1e-5, atol=1e-6)


def test_reset_begins_anew(ask):
    first = ask(0).data["outputs"]
    ask(1)
    again = ask(0, session_reset=True).data
    assert again["outputs"] == first
    assert again["session"]["steps"] == 1


def test_another_version_refuses_the_state_and_says_how_to_start_anew(ask, register):
    ask()
    register(brain=RECURRENT, seed=1, onnx=True)
    told = ask(version="1.0.1")
    assert told.status == 409
    assert "session_reset" in told.data["detail"]
    assert "1.0.0" in told.data["detail"]
    assert ask(version="1.0.0").data["session"]["steps"] == 2
    assert ask(version="1.0.1", session_reset=True).status == 200


def test_sessions_of_two_people_are_two(ask, program_of, instructor, home):
    ask()
    other = program_of(instructor).ask(
        PREDICT, {"model": "walker", "observation": observation(home), "session": SESSION}
    )
    assert other.data["session"]["steps"] == 1


def test_session_ends_some_time_after_its_last_use(ask, redis_url):
    ask()
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.keys("hamlet:session:*"))
        assert len(keys) == 1
        assert 0 < client.ttl(keys[0]) <= 600
        client.delete(*keys)
    assert ask().data["session"]["steps"] == 1


def test_rows_of_a_session_stay_as_many(ask, home):
    ask()
    told = ask(observation=[observation(home)] * 2)
    assert told.status == 422
    assert "1 rows; found 2" in told.faults["/session"]


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"session": "a b"}, "session", "letters"),
        ({"session": "x" * 65}, "session", "64"),
        ({"session": 7}, "session", "letters"),
        ({"session": None, "session_reset": True}, "session", "missing"),
        ({"session_reset": "yes"}, "session_reset", "true or false"),
        ({"hidden_h": [[[0.0] * 6]], "hidden_c": [[[0.0] * 6]]}, "hidden_h", "stands beside"),
    ],
)
def test_wrong_sessions_are_refused_by_field(ask, fields, path, words):
    told = ask(**fields)
    assert told.status == 422, told.body
    assert words in told.faults[pointer_of(path)]


def test_model_without_state_takes_no_session(register, program):
    register()
    body = {"model": "walker", "observation": [0.0] * 38, "session": SESSION}
    told = program.ask(PREDICT, body)
    assert told.status == 422
    assert "keeps no state" in told.faults["/session"]
