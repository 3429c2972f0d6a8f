"""From what a person asks for to a run spec: checked, complete, and hashed by meaning."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hamlet.envs.town import load_pack
from hamlet.errors import SpecError
from hamlet.learning.town import adapt_request, build_runspec, levels, make_trainer, request_schema
from hamlet.learning.town_trainer import TownTrainer
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS
from tests.learning.small_worlds import BRAINS, TOWN, small_run


def faults(request: dict[str, Any]) -> dict[str, str]:
    """The message for each path that the request is refused for."""
    with pytest.raises(SpecError) as refused:
        build_runspec(request)
    return {problem.path: problem.message for problem in refused.value.problems}


def test_a_level_alone_gives_the_whole_shipped_pack() -> None:
    pack = load_pack("L1")
    spec = build_runspec({"level": "L1"})
    assert (spec.system, spec.trainer, spec.seed, spec.budget) == ("town", "dqn", 0, 5000)
    assert spec.content["level"] == pack.level.to_data()
    assert spec.content["brain"]["architecture"]["type"] == "dueling"
    assert spec.content["training"]["epsilon"]["decay"] == 0.9992


@pytest.mark.parametrize("name", ["L0", "L0.5", "L1", "L2", "L3"])
def test_every_shipped_level_makes_a_run(name: str) -> None:
    spec = build_runspec({"level": name})
    assert RunSpec.from_data(spec.to_data()).hash == spec.hash
    assert spec.budget == load_pack(name).level.episode_budget


def test_shipped_levels_are_offered_with_titles_and_budgets() -> None:
    offered = {level.name: level for level in levels()}
    assert list(offered) == ["L0", "L0.5", "L1", "L2", "L3"]
    assert offered["L1"].budget == 5000
    assert offered["L1"].title == load_pack("L1").level.title


def test_the_hash_does_not_depend_on_spelling() -> None:
    pack = load_pack("L1")
    plain = build_runspec({"level": "L1"})
    spelled_out = {
        "system": "town",
        "trainer": "dqn",
        "seed": 0,
        "episodes": 5000,
        "level": pack.level.to_data(),
        "brain": pack.texts["brain.yaml"],
        "training": dict(reversed(pack.training.items())),
    }
    assert build_runspec(spelled_out).hash == plain.hash
    spelled_out["brain"] = yaml.safe_dump(plain.content["brain"])
    assert build_runspec(spelled_out).hash == plain.hash


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"episodes": 4999},
        {"level": "L2"},
        {"training": {"num_envs": 8}},
        {"brain": BRAINS["feedforward"]},
    ],
)
def test_any_change_of_meaning_changes_the_hash(change: dict[str, Any]) -> None:
    assert build_runspec({"level": "L1"} | change).hash != build_runspec({"level": "L1"}).hash


def test_a_folder_becomes_a_request_that_holds_all_of_it(tmp_path: Path) -> None:
    for name, text in load_pack("L3").texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    training = (tmp_path / "training.yaml").read_text(encoding="utf-8")
    changed = training.replace("checkpoint_every: 100", "checkpoint_every: 7")
    assert changed != training
    (tmp_path / "training.yaml").write_text(changed, encoding="utf-8")
    level = (tmp_path / "level.yaml").read_text(encoding="utf-8")
    (tmp_path / "level.yaml").write_text(level.replace("name: L3", "name: mine"), encoding="utf-8")
    request = SYSTEMS["town"].read_folder(tmp_path)
    shutil.rmtree(tmp_path)
    spec = build_runspec({**request, "episodes": 1})
    shipped = build_runspec({"level": "L3", "episodes": 1})
    assert spec.content["level"] == {**shipped.content["level"], "name": "mine"}
    assert spec.content["brain"] == shipped.content["brain"]
    assert spec.content["training"] == {**shipped.content["training"], "checkpoint_every": 7}
    list(make_trainer(RunSpec.from_data(spec.to_data())).advance())


def test_a_system_without_levels_in_files_says_so(tmp_path: Path) -> None:
    bare = replace(SYSTEMS["town"], name="bare", entry="hamlet.wording")
    with pytest.raises(SpecError, match="bare takes no levels from folders"):
        bare.read_folder(tmp_path)


def test_a_request_over_the_network_cannot_name_a_folder(tmp_path: Path) -> None:
    for name, text in load_pack("L1").texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert "expected one of L0" in faults({"level": str(tmp_path)})["level"]


def test_single_settings_replace_those_of_the_pack() -> None:
    training = {"intrinsic": {"annealing": {"factor": 0.5}}, "num_envs": 4}
    found = build_runspec({"level": "L0", "training": training}).content["training"]
    assert found["intrinsic"]["annealing"]["factor"] == 0.5
    assert found["intrinsic"]["annealing"]["window"] == 50  # L0's own
    assert found["num_envs"] == 4


def test_a_level_of_ones_own_borrows_brain_and_training() -> None:
    assert build_runspec({"level": TOWN}).content["training"]["epsilon"]["decay"] == 0.9992
    windowed = TOWN | {"view": 3}
    brain = build_runspec({"level": windowed}).content["brain"]
    assert brain["architecture"]["type"] == "recurrent_spatial"


@pytest.mark.parametrize(
    ("change", "path", "part"),
    [
        ({"levle": "L1"}, "levle", "did you mean level?"),
        ({"level": "L9"}, "level", "expected one of L0, L0.5, L1, L2, L3"),
        ({"level": "../../etc"}, "level", "expected one of"),
        ({"level": 3}, "level", "expected one of"),
        ({"seed": -1}, "seed", "expected a whole number"),
        ({"seed": 1.5}, "seed", "expected a whole number"),
        ({"seed": True}, "seed", "expected a whole number"),
        ({"episodes": 0}, "episodes", "from 1"),
        ({"episodes": 10**12}, "episodes", "from 1"),
        ({"trainer": "ppo"}, "trainer", "expected one of dqn"),
        ({"training": []}, "training", "expected a mapping"),
        ({"training": {"num_evs": 4}}, "training.num_evs", "did you mean num_envs?"),
        ({"training": {"num_envs": 0}}, "training.num_envs", "from 1"),
        ({"training": {"epsilon": 3}}, "training.epsilon", "expected a mapping"),
        ({"training": {"epsilon": {"decay": float("nan")}}}, "training.epsilon.decay", "found nan"),
        (
            {"training": {"epsilon": {"start": 0.1, "minimum": 0.5}}},
            "training.epsilon.minimum",
            "at most start",
        ),
        (
            {"training": {"curriculum": {"retreat_survival": 0.9}}},
            "training.curriculum.retreat_survival",
            "less than advance_survival",
        ),
        (
            {"training": {"intrinsic": {"annealing": {"window": 9}}}},
            "training.intrinsic.annealing.window",
            "from 10",
        ),
        ({"brain": "architecture: {type: dueling}\nlos: {}"}, "brain.los", "loss"),
        ({"brain": "a: &x 1\nb: *x"}, "brain line 1", "anchors"),
        ({"brain": 7}, "brain", "YAML text or a mapping"),
        ({"level": TOWN | {"max_steps": 0}}, "level.max_steps", "from 1"),
        ({"level": TOWN | {"grid": {"width": 3}}}, "level.grid.height", "missing"),
    ],
)
def test_faults_are_named_by_their_path(change: dict[str, Any], path: str, part: str) -> None:
    found = faults({"level": "L1"} | change)
    assert path in found, found
    assert part in found[path]


def test_faults_of_all_parts_are_named_together() -> None:
    found = faults({"level": "L1", "brain": {"architecture": {}}, "training": {"num_envs": -1}})
    assert any(path.startswith("brain.") for path in found)
    assert "training.num_envs" in found


def test_sizes_are_refused_before_memory_is_taken() -> None:
    huge = copy.deepcopy(BRAINS["feedforward"])
    huge["replay"] = {"capacity": 10_000_000}
    found = faults({"level": "L1", "brain": huge})
    assert "GiB" in found["brain.replay.capacity"]
    wide = TOWN | {"grid": {"width": 64, "height": 64}}
    found = faults({"level": wide, "training": {"num_envs": 4096}})
    assert "training.num_envs" in found


def wide_sight(**vision: Any) -> dict[str, Any]:
    brain = copy.deepcopy(BRAINS["recurrent"])
    brain["architecture"]["recurrent_spatial"]["vision_encoder"] = vision
    return brain


def test_recurrent_states_are_counted_before_memory_is_taken() -> None:
    brain = copy.deepcopy(BRAINS["recurrent"])
    brain["architecture"]["recurrent_spatial"]["lstm"] = {"hidden_size": 2048}
    # 2048 environments x (4 + 2 + 1) steps x 2 x 2048 x 4 bytes = 0.22 GiB.
    assert build_runspec({"level": TOWN, "brain": brain, "training": {"num_envs": 2048}})
    brain["replay"] = {"capacity": 800, "batch_size": 4, "sequence_length": 96, "burn_in": 2}
    # 99 steps take 3.1 GiB.
    found = faults({"level": TOWN, "brain": brain, "training": {"num_envs": 2048}})
    assert list(found) == ["brain.architecture.recurrent_spatial.lstm.hidden_size"]
    assert "its states of 99 steps in 2048 environments take 3.1 GiB" in found.popitem()[1]


@pytest.mark.parametrize("crowd", ["batch", "environments"])
def test_feature_maps_are_counted_before_memory_is_taken(crowd: str) -> None:
    # Two maps of 512 x 9 cells, and their activations: 18,432 numbers per observation.
    brain = wide_sight(
        channels=[512, 512], kernel_sizes=[3, 3], strides=[1, 1], padding=[1, 1], output_size=8
    )
    few = {"level": TOWN, "brain": brain, "training": {"num_envs": 8}}
    assert build_runspec(few)
    many = copy.deepcopy(few)
    if crowd == "batch":
        many["brain"]["replay"] = {"capacity": 800, "batch_size": 2000, "sequence_length": 16}
    else:
        # Observations of 32,000 environments would be small; the maps of 4,096 need 0.3 GiB,
        # so it takes a larger grid too.
        many["training"]["num_envs"] = 4096
        many["level"] = TOWN | {"grid": {"width": 9, "height": 9}}
    found = faults(many)
    assert list(found) == ["brain.architecture.recurrent_spatial.vision_encoder.channels"]
    assert "GiB of activations" in found.popitem()[1]


def test_wide_layers_are_counted_before_memory_is_taken() -> None:
    brain = {
        "architecture": {"type": "feedforward", "feedforward": {"hidden_layers": [4096] * 3}},
        "replay": {"capacity": 10_000, "batch_size": 4096},
    }
    found = faults({"level": TOWN, "brain": brain})
    assert list(found) == ["brain.architecture.feedforward.hidden_layers"]


@pytest.mark.parametrize("term", ["approach", "balance"])
def test_a_potential_needs_the_discount_of_the_learner(term: str) -> None:
    brain = BRAINS["feedforward"] | {"q_learning": {"gamma": 0.9}}
    shaped = TOWN | {"shaping": {term: 0.5}}
    found = faults({"level": shaped, "brain": brain})
    assert list(found) == ["level.shaping.discount"]
    assert "found 0.99; expected 0.9" in found["level.shaping.discount"]
    assert build_runspec(
        {"level": TOWN | {"shaping": {term: 0.5, "discount": 0.9}}, "brain": brain}
    )
    # Without a potential nobody discounts one.
    assert build_runspec({"level": TOWN | {"shaping": {"diversity": 0.5}}, "brain": brain})


def test_a_replay_smaller_than_one_vector_step_is_refused() -> None:
    small = BRAINS["feedforward"] | {
        "q_learning": {"n_step": 4},
        "replay": {"capacity": 60, "batch_size": 8},
    }
    found = faults({"level": TOWN, "brain": small, "training": {"num_envs": 16}})
    assert "expected at least 64" in found["brain.replay.capacity"]


def test_a_brain_that_does_not_fit_the_view_is_refused() -> None:
    found = faults({"level": TOWN | {"grid_encoding": "scalar"}, "brain": {"architecture": 5}})
    assert "brain.architecture" in found


def test_a_spec_changed_by_hand_is_checked_again() -> None:
    data = small_run().to_data()
    data["content"]["training"]["num_envs"] = 0
    with pytest.raises(SpecError, match=r"content\.training\.num_envs"):
        make_trainer(RunSpec.from_data(data))
    with pytest.raises(SpecError, match="this trainer is for town"):
        TownTrainer(RunSpec("chess", "dqn", 0, 1, {}))


def test_the_fields_of_a_request_can_be_listed() -> None:
    assert set(request_schema().fields) == {
        "system",
        "trainer",
        "level",
        "brain",
        "training",
        "seed",
        "episodes",
    }
    assert SYSTEMS["town"].build_runspec({"level": "L1"}).system == "town"


@pytest.fixture(scope="module")
def signatures() -> dict[str, Any]:
    return {
        kind: TownTrainer(small_run(kind)).inference_model().signature()
        for kind in ("feedforward", "recurrent")
    }


def test_the_towns_own_form_of_a_prediction_becomes_inputs(signatures: dict[str, Any]) -> None:
    flat = signatures["feedforward"]
    size = flat.layout.size
    one = adapt_request(flat, {"observation": [0.0] * size, "action_mask": [True] * 8})
    assert one == {"observation": [[0.0] * size], "action_mask": [[True] * 8]}
    many = adapt_request(flat, {"observation": [[0.0] * size] * 2})
    assert many == {"observation": [[0.0] * size] * 2}
    assert flat.check_inputs(many)["observation"].shape == (2, size)


def test_hidden_state_is_passed_on_in_both_forms(signatures: dict[str, Any]) -> None:
    recurrent = signatures["recurrent"]
    observation = [0.0] * recurrent.layout.size
    single = {"hidden_h": [[0.1] * 8], "hidden_c": [[0.2] * 8]}
    batched = {"hidden_h": [[[0.1] * 8]], "hidden_c": [[[0.2] * 8]]}
    for hidden in (single, batched):
        inputs = adapt_request(recurrent, {"observation": observation, **hidden})
        assert recurrent.check_inputs(inputs)["hidden_h"].shape == (1, 1, 8)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "observation"),
        ({"observation": "x"}, "observation"),
        ({"observation": [0.0], "mask": []}, "mask"),
        ({"observation": [0.0], "hidden": {"h": []}}, "hidden"),
        ({"observation": [0.0], "hidden_h": [], "hidden_c": []}, "hidden_h"),
    ],
)
def test_a_wrong_prediction_request_is_refused_by_path(
    signatures: dict[str, Any], body: dict[str, Any], path: str
) -> None:
    with pytest.raises(SpecError) as refused:
        adapt_request(signatures["feedforward"], body)
    assert path in [problem.path for problem in refused.value.problems]
