"""Both servers answer programs alike: who answers, with what, and who is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hamlet.model import HamletModel
from registry.accounts.models import Scope
from registry.accounts.services import issue_token, revoke_token
from registry.aliases.services import move_alias
from registry.artifacts.store import open_artifact
from registry.models import Prediction, VersionStatus
from registry.versions import lifecycle
from tests.registry.checkpoints import ACTIONS, RECURRENT, observation
from tests.serving.asking import PREDICT, Program

ZEROS = {"model": "walker", "observation": [0.0] * 38}


def local(version) -> HamletModel:
    return HamletModel.load_from_checkpoint(open_artifact(version.artifact))


@pytest.mark.parametrize("onnx", [False, True])
def test_answer_is_that_of_the_model_taken_home(register, program, onnx):
    version = register(onnx=onnx)
    home = local(version)
    rows = [observation(home, seed) for seed in range(3)]
    told = program.ask(PREDICT, {"model": "walker", "inputs": {"observation": rows}})
    assert told.status == 200, told.body
    expected = home.predict(rows)
    assert told.data["engine"] == ("onnxruntime" if onnx else "pytorch")
    assert told.data["outputs"]["actions"] == expected["actions"].tolist()
    assert np.allclose(told.data["outputs"]["q_values"], expected["q_values"], rtol=1e-5, atol=1e-6)
    assert told.data["action_names"] == [ACTIONS[action] for action in expected["actions"]]
    own_form = program.ask(PREDICT, {"model": "walker", "observation": rows})
    assert own_form.data["outputs"] == told.data["outputs"]


def test_answer_says_who_gave_it_and_where_the_time_went(register, program, model, instructor):
    version = register()
    move_alias(model, "best", version, instructor)
    told = program.ask(PREDICT, {**ZEROS, "alias": "best"}, {"X-Request-Id": "mine-1"})
    answer = told.data
    assert (answer["model"], answer["version"], answer["alias"]) == ("walker", "1.0.0", "best")
    assert answer["aliases"] == ["best", "latest"]
    assert answer["artifact_sha256"] == version.artifact_id
    assert answer["batch_rows"] == 1
    assert answer["request_id"] == told.headers["x-request-id"] == "mine-1"
    assert set(answer["timing_ms"]) == {"parse", "route", "load", "queue", "run", "total"}
    parts = sum(value for name, value in answer["timing_ms"].items() if name != "total")
    assert parts <= answer["timing_ms"]["total"] + 0.1


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "line\tbreak"])
def test_number_that_cannot_stand_in_a_log_is_replaced(register, program, given):
    register()
    told = program.ask(PREDICT, ZEROS, {"X-Request-Id": given})
    assert told.status == 200
    assert told.data["request_id"] == told.headers["x-request-id"] != given


def test_hidden_state_travels_through_reply_and_request(register, program):
    home = local(register(brain=RECURRENT, onnx=True))
    hidden, sent = None, {}
    for seed in range(3):
        row = observation(home, seed)
        expected = home.predict(row, hidden)
        hidden = expected["hidden"]
        told = program.ask(PREDICT, {"model": "walker", "observation": row, **sent})
        outputs = told.data["outputs"]
        assert np.allclose(outputs["q_values"], expected["q_values"], rtol=1e-5, atol=1e-6)
        sent = {name: outputs[name] for name in ("hidden_h", "hidden_c")}


def test_archived_version_answers_nobody_and_says_so(register, program, instructor):
    version = register()
    assert program.ask(PREDICT, ZEROS).status == 200
    lifecycle.move(version, VersionStatus.ARCHIVED, user=instructor)
    told = until(lambda: program.ask(PREDICT, ZEROS), lambda told: told.status != 200)
    assert told.status == 409
    assert "archived" in told.data["detail"]


def test_moved_alias_is_followed_at_once(register, program, model, instructor):
    versions = [register(seed=seed) for seed in range(2)]
    for turn in range(6):
        wanted = versions[turn % 2]
        move_alias(model, "best", wanted, instructor)
        asked = {**ZEROS, "alias": "best"}
        told = until(
            lambda asked=asked: program.ask(PREDICT, asked),
            lambda told, wanted=wanted: told.data["version"] == wanted.number,
            within_s=1.0,
        )
        assert told.status == 200


def test_revoked_token_is_refused_within_two_seconds(register, server, student):
    register()
    token, secret = issue_token(student, "short", [Scope.PREDICT])
    program = Program(server, secret)
    assert program.ask(PREDICT, ZEROS).status == 200
    revoke_token(token)
    told = until(lambda: program.ask(PREDICT, ZEROS), lambda told: told.status == 401)
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert told.headers["content-type"] == "application/problem+json"


def test_who_may_not_is_refused(register, server, program_of, outsider, student):
    register()
    assert Program(server, None).ask(PREDICT, ZEROS).status == 401
    assert Program(server, "hw_made_up").ask(PREDICT, ZEROS).status == 401
    assert program_of(outsider).ask(PREDICT, ZEROS).status == 404
    told = program_of(student, scopes=(Scope.READ,)).ask(PREDICT, ZEROS)
    assert told.status == 403
    assert "predict" in told.data["detail"]


def test_log_says_which_weights_answered_whom(register, program, program_of, student, outsider):
    version = register()
    program.ask(PREDICT, ZEROS, {"X-Request-Id": "asked-42"})
    program.ask(PREDICT, {**ZEROS, "observation": [0.0]}, {"X-Request-Id": "wrong-42"})
    rows = until(
        lambda: {row.request_id: row for row in Prediction.objects.select_related("version")},
        lambda rows: {"asked-42", "wrong-42"} <= set(rows),
        within_s=10,
    )
    good, bad = rows["asked-42"], rows["wrong-42"]
    assert good.version == version
    assert (good.user, good.token.name, good.status, good.rows) == (student, "program", 200, 1)
    assert good.artifact_sha256 == version.artifact_id
    assert 0 < good.run_ms <= good.total_ms
    assert bad.status == 422
    assert "38" in bad.problem


def until(ask, good, within_s: float = 2.5):
    """Ask again until it is good, or fail with what was there last."""
    deadline = time.monotonic() + within_s
    while True:
        found = ask()
        if good(found):
            return found
        assert time.monotonic() < deadline, found
