"""POST /api/v1/predict: who answers, that the answer is the model's, and what is refused."""

from __future__ import annotations

import pytest
import torch
from django.test import Client

from hamlet.model import HamletModel
from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.aliases.services import move_alias
from registry.artifacts.store import artifact_path, open_artifact
from registry.problems import pointer_of
from registry.serving.pool import shared_pool
from tests.registry.checkpoints import ACTIONS, RECURRENT, WIDER, observation

pytestmark = pytest.mark.django_db
# 512 maps of 31 x 31 cells, twice: a row takes almost 8 MB on its way.
LARGE = RECURRENT.replace(
    "{type: none}",
    "{channels: [512, 512], kernel_sizes: [3, 3], strides: [1, 1], "
    "padding: [1, 1], output_size: 1}",
)
PREDICT = "/api/v1/predict"


@pytest.fixture(autouse=True)
def empty_pool():
    shared_pool().clear()


@pytest.fixture
def ask(student):
    """Send a body as the student's program; returns the response."""
    _, secret = issue_token(student, "program", [Scope.PREDICT])

    def send(body: object, **extra):
        return Client().post(
            PREDICT,
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}", **extra},
        )

    return send


def local(version) -> HamletModel:
    return HamletModel.load_from_checkpoint(open_artifact(version.artifact))


def problems(response) -> dict[str, str]:
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    return {error["pointer"]: error["detail"] for error in response.json()["errors"]}


def test_answer_is_that_of_the_model_taken_home(version, ask):
    model = local(version)
    obs = observation(model)
    answer = ask({"model": "walker", "observation": obs}).json()
    expected = model.predict(obs)
    assert answer["outputs"]["actions"] == [expected["actions"].item()]
    assert answer["outputs"]["q_values"] == [expected["q_values"].tolist()]
    assert answer["action_names"] == [ACTIONS[expected["actions"].item()]]


def test_answer_says_who_gave_it_and_where_the_time_went(version, ask, model, instructor):
    move_alias(model, "best", version, instructor)
    answer = ask({"model": "walker", "alias": "best", "observation": [0.0] * 38}).json()
    assert answer["model"] == "walker"
    assert answer["version"] == "1.0.0"
    assert answer["alias"] == "best"
    assert answer["aliases"] == ["best", "latest"]
    assert answer["artifact_sha256"] == version.artifact_id
    assert set(answer["timing_ms"]) == {"parse", "route", "load", "queue", "run", "total"}
    assert answer["engine"] == "pytorch"
    assert answer["request_id"]
    assert all(value >= 0 for value in answer["timing_ms"].values())


def test_same_request_gets_the_same_answer(version, ask):
    body = {"model": "walker", "observation": observation(local(version))}
    first, second = ask(body).json(), ask(body).json()
    assert first["outputs"] == second["outputs"]


def test_newest_answers_unless_a_version_is_named(register, ask):
    register()
    register(seed=1)
    zeros = {"model": "walker", "observation": [0.0] * 38}
    assert ask(zeros).json()["version"] == "1.0.1"
    named = ask({**zeros, "version": "1.0.0"}).json()
    assert (named["version"], named["alias"]) == ("1.0.0", None)


def test_inputs_by_name_and_the_towns_own_form_give_the_same(version, ask):
    rows = [observation(local(version), seed) for seed in range(3)]
    by_name = ask({"model": "walker", "inputs": {"observation": rows}}).json()
    own_form = ask({"model": "walker", "observation": rows}).json()
    assert by_name["outputs"] == own_form["outputs"]
    assert len(by_name["outputs"]["actions"]) == 3


def test_mask_decides_what_may_be_chosen(version, ask):
    only_wait = [name == "WAIT" for name in ACTIONS]
    for form in (
        {"observation": [0.0] * 38, "action_mask": only_wait},
        {"inputs": {"observation": [[0.0] * 38], "action_mask": [only_wait]}},
    ):
        assert ask({"model": "walker", **form}).json()["action_names"] == ["WAIT"]


def test_hidden_state_travels_through_reply_and_request(register, ask):
    model = local(register(brain=RECURRENT))
    rows = [observation(model, seed) for seed in range(3)]
    hidden, sent = None, {}
    for row in rows:
        expected = model.predict(row, hidden)
        hidden = expected["hidden"]
        answer = ask({"model": "walker", "inputs": {"observation": [row], **sent}}).json()
        assert answer["outputs"]["q_values"] == [expected["q_values"].tolist()]
        own_form = ask({"model": "walker", "observation": row, **sent}).json()
        assert own_form["outputs"] == answer["outputs"]
        sent = {name: answer["outputs"][name] for name in ("hidden_h", "hidden_c")}
        assert torch.equal(torch.tensor(sent["hidden_h"]), hidden[0])


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({}, "observation", "missing"),
        ({"observation": [0.0] * 37}, "observation[0]", "38"),
        ({"observation": [0.0] * 37 + ["a"]}, "observation[0][37]", "number"),
        ({"observation": [[0.0] * 38, [0.0] * 3]}, "observation[1]", "38"),
        ({"observation": []}, "observation[0]", "38"),
        ({"observation": [10**400] + [0.0] * 37}, "observation", "float32"),
        ({"observation": 7}, "observation", "list"),
        ({"observation": [0.0] * 38, "epsilon": 0.5}, "epsilon", "unknown field"),
        ({"observations": [0.0] * 38}, "observations", "did you mean observation"),
        ({"observation": [0.0] * 38, "action_mask": [False] * 8}, "action_mask[0]", "all false"),
        ({"observation": [0.0] * 38, "action_mask": [1] * 8}, "action_mask[0][0]", "true or false"),
        ({"observation": [0.0] * 38, "action_mask": [True] * 7}, "action_mask[0]", "8"),
        ({"observation": [0.0] * 38, "hidden_h": []}, "hidden_h", "keeps none"),
        ({"observation": [1e39] + [0.0] * 37}, "observation[0][0]", "float32"),
        ({"inputs": {}}, "inputs.observation", "missing"),
        ({"inputs": []}, "inputs", "mapping"),
        ({"inputs": {"observation": [[0.0] * 38], "epsilon": 1}}, "inputs.epsilon", "unknown"),
        ({"inputs": {"observation": [0.0] * 38}}, "inputs.observation[0]", "list"),
        (
            {"inputs": {"observation": [[0.0] * 38]}, "observation": [0.0] * 38},
            "observation",
            "stands beside inputs",
        ),
        ({"version": "1.0.0", "alias": "latest", "observation": [0.0] * 38}, "alias", "one of"),
        ({"version": "latest", "observation": [0.0] * 38}, "version", "1.0.0"),
        ({"version": 1, "observation": [0.0] * 38}, "version", "text"),
    ],
)
def test_body_that_does_not_fit_is_refused_by_path(version, ask, body, path, words):
    found = problems(ask({"model": "walker", **body}))
    assert words in found[pointer_of(path)], found


def test_batch_is_bounded(version, ask):
    rows = version.signature["most_rows"]
    small = [[0] * 38] * rows
    assert len(ask({"model": "walker", "observation": small}).json()["outputs"]["actions"]) == rows
    found = problems(ask({"model": "walker", "observation": [*small, small[0]]}))
    assert str(rows + 1) in found["/observation"]


def test_a_large_network_takes_fewer_rows_and_says_so(register, ask, student):
    version = register(brain=LARGE, cells=31)
    most = version.signature["most_rows"]
    assert 7 < most < 10
    shown = Client()
    shown.force_login(student)
    assert (
        shown.get("/api/v1/models/walker/versions/1.0.0").json()["signature"]["most_rows"] == most
    )
    found = problems(ask({"model": "walker", "observation": [[0] * 990] * 1000}))
    assert found == {
        "/observation": f"found a batch of 1000; expected 1 to {most} rows; "
        "send the others in further requests"
    }


@pytest.mark.parametrize("body", [[], "walker", None, 7, [{"model": "walker"}]])
def test_body_that_is_no_mapping_is_refused(version, ask, body):
    import json

    assert "" in problems(ask(json.dumps(body)))


def test_missing_model_is_named(version, ask):
    assert "missing" in problems(ask({"observation": [0.0] * 38}))["/model"]


@pytest.mark.parametrize("route", [{"version": "7.0.0"}, {"alias": "worst"}])
def test_unknown_version_is_404_and_says_what_there_is(version, ask, route):
    response = ask({"model": "walker", "observation": [0.0] * 38, **route})
    assert response.status_code == 404
    assert "latest, 1.0.0" in response.json()["detail"]


def test_model_of_another_class_is_404(version, outsider):
    _, secret = issue_token(outsider, "program", [Scope.PREDICT])
    response = Client().post(
        PREDICT,
        {"model": "walker", "observation": [0.0] * 38},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 404


def test_damaged_file_answers_nobody_and_is_no_fault_of_the_request(version, ask):
    artifact_path(version.artifact).write_bytes(b"x" * version.artifact.size_bytes)
    response = ask({"model": "walker", "observation": [0.0] * 38})
    assert response.status_code == 500
    assert "manage.py verify" in response.json()["detail"]
    assert "outputs" not in response.json()


def test_versions_answer_side_by_side_with_their_own_weights(register, ask):
    versions = [register(), register(seed=1), register(brain=WIDER), register(cells=4)]
    for version in versions:
        model = local(version)
        obs = observation(model)
        body = {"model": "walker", "version": version.number, "observation": obs}
        assert ask(body).json()["outputs"]["q_values"] == [model.predict(obs)["q_values"].tolist()]
