"""POST /api/v1/predict/ensemble: what all say together, what each says, how far they disagree."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.ensemble import EnsembleModel
from hamlet.model import HamletModel
from registry.artifacts.store import open_artifact
from registry.problems import pointer_of
from registry.versions.lifecycle import move
from registry.versions.models import VersionStatus
from tests.playing.boards import register_board_version
from tests.registry.checkpoints import RECURRENT, observation
from tests.serving.asking import ENSEMBLE

MEMBERS = [{"model": "walker", "version": f"1.0.{patch}"} for patch in range(3)]


def local(version) -> HamletModel:
    return HamletModel.load_from_checkpoint(open_artifact(version.artifact))


@pytest.fixture
def homes(register) -> list[HamletModel]:
    return [local(register(seed=seed, onnx=seed == 1)) for seed in range(3)]


@pytest.fixture
def rows(homes) -> list[list[float]]:
    return [observation(homes[0], seed) for seed in range(4)]


@pytest.mark.parametrize("method", ["mean", "vote", "weighted"])
def test_members_and_what_they_say_together(homes, rows, program, method):
    weights = [3.0, 1.0, 0.5] if method == "weighted" else None
    members = [dict(member) for member in MEMBERS]
    for member, weight in zip(members, weights or [], strict=False):
        member["weight"] = weight
    told = program.ask(ENSEMBLE, {"members": members, "method": method, "observation": rows})
    assert told.status == 200, told.body
    expected = EnsembleModel(homes, method=method, weights=weights).run({"observation": rows})
    found = told.data
    close = {"rtol": 1e-5, "atol": 1e-6}
    assert found["outputs"]["actions"] == expected.outputs["actions"].tolist()
    assert np.allclose(found["outputs"]["q_values"], expected.outputs["q_values"], **close)
    assert np.allclose(found["disagreement"], expected.disagreement, **close)
    assert np.allclose(found["q_std"], expected.q_std, **close)
    assert [member["version"] for member in found["members"]] == ["1.0.0", "1.0.1", "1.0.2"]
    assert [member["engine"] for member in found["members"]].count("onnxruntime") == 1
    for member, answer in zip(found["members"], expected.members, strict=True):
        assert np.allclose(member["outputs"]["q_values"], answer["q_values"], **close)
    assert len(found["action_names"]) == 4


def test_recurrent_members_each_have_their_own_state(register, program):
    homes = [local(register(seed=seed, brain=RECURRENT)) for seed in range(2)]
    row = [observation(homes[0])]
    members = MEMBERS[:2]
    first = program.ask(ENSEMBLE, {"members": members, "inputs": {"observation": row}}).data
    states = [
        {name: member["outputs"][name] for name in ("hidden_h", "hidden_c")}
        for member in first["members"]
    ]
    with_state = [{**member, "state": state} for member, state in zip(members, states, strict=True)]
    told = program.ask(ENSEMBLE, {"members": with_state, "inputs": {"observation": row}})
    assert told.status == 200, told.body
    expected = EnsembleModel(homes).run({"observation": row}, states)
    q_values = told.data["outputs"]["q_values"]
    assert np.allclose(q_values, expected.outputs["q_values"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({}, "members", "missing"),
        ({"members": []}, "members", "1"),
        ({"members": ["walker"]}, "members[0]", "mapping"),
        ({"members": [{"model": "walker", "weigth": 1}]}, "members[0].weigth", "unknown"),
        ({"members": [{"model": "walker", "weight": 1}]}, "members[0].weight", "weighted"),
        ({"members": MEMBERS[:1], "method": "weighted"}, "members[0].weight", "missing"),
        ({"members": MEMBERS[:1], "method": "median"}, "method", "mean"),
        (
            {"members": [{"model": "walker", "weight": -1}], "method": "weighted"},
            "members[0].weight",
            "found -1; expected a number from 0",
        ),
        (
            {
                "members": [{"model": "walker", "weight": 1}, {"model": "walker", "weight": [2]}],
                "method": "weighted",
            },
            "members[1].weight",
            "found a list of 1; expected a number",
        ),
        (
            {"members": [{"model": "walker", "weight": 0}], "method": "weighted"},
            "members[0].weight",
            "all weights are 0",
        ),
        ({"members": [{"model": "walker", "version": "x"}]}, "members[0].version", "1.0.0"),
        ({"members": [{"model": "walker", "state": {}}]}, "members[0].state", "keeps no state"),
        ({"members": MEMBERS[:1], "observation": [0.0]}, "observation[0]", "38"),
    ],
)
def test_ensemble_that_does_not_fit_is_refused_by_path(homes, program, body, path, words):
    told = program.ask(ENSEMBLE, {"observation": [0.0] * 38, **body})
    assert told.status == 422, told.body
    assert words in told.faults[pointer_of(path)], told.faults


def test_members_of_other_inputs_cannot_be_asked_together(register, program):
    register()
    register(cells=4)
    members = [{"model": "walker", "version": number} for number in ("1.0.0", "2.0.0")]
    told = program.ask(ENSEMBLE, {"members": members, "observation": [0.0] * 38})
    assert told.status == 422
    assert "/members/1" in told.faults


def test_unknown_member_is_404(homes, program):
    members = [MEMBERS[0], {"model": "walker", "version": "9.0.0"}]
    assert program.ask(ENSEMBLE, {"members": members, "observation": [0.0] * 38}).status == 404


def test_ensemble_that_never_fits_is_told_so_and_not_to_come_again(homes, program):
    """Eight members of 4,096 rows may take all memory there is for requests; their body is own."""
    rows = [[0] * 38] * 4096
    members = [MEMBERS[index % 2] for index in range(9)]
    told = program.ask(ENSEMBLE, {"members": members, "inputs": {"observation": rows}})
    assert told.status == 422, told.body
    assert "9 members with 4096 rows" in told.faults["/members"]
    fitting = {"members": members[:8], "inputs": {"observation": rows}}
    assert program.ask(ENSEMBLE, fitting).status == 200


def test_versions_vote_on_a_board(transactional_db, program, instructor, classroom):
    """What they vote is worked out in tests/playing; here, that both servers count alike."""
    versions = [register_board_version(instructor, classroom, seed=seed) for seed in range(2)]
    for version in versions:
        move(version, VersionStatus.VALIDATED)
    told = program.ask(ENSEMBLE, {"board": "4453"})
    assert told.status == 200, told.body
    assert [vote["version"] for vote in told.data["votes"]] == ["1.0.1", "1.0.0"]
    assert told.data["legal"] == [True] * 7
    assert program.ask(ENSEMBLE, {"board": "1212121"}).status == 422
    move(versions[0], VersionStatus.ARCHIVED)
    assert program.ask(ENSEMBLE, {"board": "4453"}).status == 409
