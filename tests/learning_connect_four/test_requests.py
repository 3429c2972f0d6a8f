"""From what a person asks for to a RunSpec: levels, configs in both spellings, refusals."""

from __future__ import annotations

import pytest

from hamlet.brains.presets import preset
from hamlet.errors import SpecError
from hamlet.learning.connect_four import system
from hamlet.learning.connect_four.config import MODEL_TYPES
from hamlet.learning.connect_four.content import read_content
from hamlet.runspec import RunSpec


def faults(request: dict) -> dict[str, str]:
    with pytest.raises(SpecError) as refused:
        system.build_runspec(request)
    return {problem.path: problem.message for problem in refused.value.problems}


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_every_kind_of_learner_starts_from_its_name_alone(model_type):
    spec = system.build_runspec({"config": {"model_type": model_type}})
    assert (spec.trainer, spec.content["level"]) == (model_type, model_type)
    assert spec.content["brain"]["architecture"]["type"] == model_type
    assert spec.budget == spec.content["config"]["epochs"]
    again = RunSpec.from_data(spec.to_data())
    assert read_content(again).config == spec.content["config"]


@pytest.mark.parametrize("level", [choice.name for choice in system.levels()])
def test_every_level_is_complete_and_repeats_itself(level):
    spec = system.build_runspec({"level": level})
    assert spec.hash == system.build_runspec({"level": level}).hash
    assert system.files_of(spec) == {}


def test_camel_case_and_snake_case_mean_the_same():
    camel = {
        "modelType": "alphazero",
        "batchSize": 64,
        "earlyStoppingPatience": 3,
        "advancedConfig": {"numResBlocks": 2, "selfPlay": {"parallelGames": 8}},
    }
    snake = {
        "model_type": "alphazero",
        "batch_size": 64,
        "early_stopping_patience": 3,
        "advanced_config": {"num_res_blocks": 2, "self_play": {"parallel_games": 8}},
    }
    specs = [system.build_runspec({"config": config}) for config in (camel, snake)]
    assert specs[0].hash == specs[1].hash
    assert specs[0].content["config"]["advanced_config"]["self_play"]["parallel_games"] == 8


def test_a_field_in_both_spellings_is_refused():
    found = faults({"config": {"model_type": "ppo", "batchSize": 1, "batch_size": 2}})
    assert "given twice" in found["config.batch_size"]


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_means_the_defaults(nothing):
    asked = {"model_type": "ppo", "regularization": nothing, "advanced_config": nothing}
    spec = system.build_runspec({"config": asked})
    assert spec.hash == system.build_runspec({"config": {"model_type": "ppo"}}).hash


def test_sizes_go_into_the_brain_and_nowhere_else():
    asked = {"model_type": "transformer", "advanced_config": {"layers": 2, "d_model": 32}}
    asked["regularization"] = {"dropout": 0.25}
    content = system.build_runspec({"config": asked}).content
    block = content["brain"]["architecture"]["transformer"]
    assert (block["layers"], block["width"], block["dropout"]) == (2, 32, 0.25)
    assert "layers" not in content["config"]["advanced_config"]


def test_a_brain_of_ones_own_stands_in_for_the_levels():
    own = preset("alphazero", "large").data
    spec = system.build_runspec({"level": "alphazero-reference", "brain": own})
    assert spec.content["brain"] == own


def test_sizes_beside_a_brain_are_refused():
    config = {"model_type": "alphazero", "advanced_config": {"channels": 8}}
    found = faults({"brain": preset("alphazero").data, "config": config})
    assert "stands beside brain" in found["config.channels"]


def test_members_of_an_ensemble_have_seeds_and_sizes_of_their_own():
    members = [{"model_type": "ppo", "advanced_config": {"channels": 8}}, {"modelType": "dqn"}]
    config = {"model_type": "ensemble", "epochs": 3, "advanced_config": {"members": members}}
    specs = system.member_specs({**config, "epochs": 3}, seed=5)
    assert [spec.trainer for spec in specs] == ["ppo", "dqn"]
    assert specs[0].seed != specs[1].seed
    assert {spec.budget for spec in specs} == {3}
    brains = system.build_runspec({"config": config}).content["brain"]["architecture"]["ensemble"]
    assert [brain["architecture"]["type"] for brain in brains["members"]] == ["ppo", "dqn"]


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"model_type": "gru"}, "config.model_type", "expected one of alphazero"),
        ({"model_type": "ppo", "optimizer": "adan"}, "config.optimizer", "adam"),
        ({"model_type": "ppo", "optimiser": "adam"}, "config.optimiser", "optimizer"),
        ({"model_type": "ppo", "scheduler": "linear"}, "config.scheduler", "cosine"),
        ({"model_type": "ppo", "learning_rate": 0}, "config.learning_rate", "above 0"),
        ({"model_type": "ppo", "validation_split": 1}, "config.validation_split", "below 1"),
        ({"model_type": "ppo", "epochs": 0}, "config.epochs", "from 1"),
        ({"model_type": "ppo", "devices": 2}, "config.devices", "expected 1"),
        (
            {"model_type": "ppo", "advanced_config": {"env_steps": 0}},
            "config.advanced_config.env_steps",
            "from 1",
        ),
        (
            {"model_type": "alphazero", "advanced_config": {"self_play": {"iterations": 1}}},
            "config.advanced_config.self_play.iterations",
            "without examples",
        ),
        (
            {"model_type": "ensemble", "advanced_config": {"members": [{"model_type": "ppo"}]}},
            "config.advanced_config.members",
            "2 to 16",
        ),
        (
            {
                "model_type": "ensemble",
                "advanced_config": {"members": [{"model_type": "ensemble"}, {"epochs": 3}]},
            },
            "config.advanced_config.members[0].model_type",
            "no ensemble itself",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(config, path, words):
    assert words in faults({"config": config})[path]


def test_a_level_for_another_kind_is_refused():
    found = faults({"level": "muzero", "config": {"model_type": "ppo"}})
    assert "the level muzero trains muzero" in found["config.model_type"]


def test_epochs_are_said_once():
    assert (
        "given twice"
        in faults({"epochs": 3, "config": {"model_type": "ppo", "epochs": 4}})["epochs"]
    )


def test_a_spec_changed_by_hand_is_looked_at_again():
    spec = system.build_runspec({"config": {"model_type": "ppo"}})
    with pytest.raises(SpecError) as refused:
        read_content(RunSpec.from_data({**spec.to_data(), "trainer": "dqn", "budget": 7}))
    assert {problem.path for problem in refused.value.problems} == {"trainer", "budget"}
