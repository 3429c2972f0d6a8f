"""Brain specs: what they complete, what they accept under other names, and what they refuse."""

import copy

import pytest

from hamlet.brains import FAMILIES, BrainSpec
from hamlet.errors import SpecError
from tests.brains.specs import changed, leaves, with_changes

DUELING = {"architecture": {"type": "dueling"}}
RECURRENT = {"architecture": {"type": "recurrent_spatial"}}

LONG_FORM = """
version: "1.0"
description: sees five by five cells
architecture:
  type: recurrent_spatial
  recurrent_spatial:
    vision_encoder: {type: cnn, channels: [8, 16], kernel_sizes: [3, 3]}
    underfoot_encoder: {hidden_sizes: [24]}
    meter_encoder: {hidden_sizes: [48], activation: gelu}
    lstm: {hidden_size: 64, num_layers: 2, dropout: 0.1}
    q_head: {hidden_sizes: [32]}
optimizer: {type: adam, learning_rate: 1e-4}
replay: {sequence_length: 12}
"""
SHORT_FORM = """
description: sees five by five cells
network:
  type: recurrent
  vision_encoder: {filters: [8, 16]}
  affordance_encoder: {type: mlp, hidden_dim: 24}
  meter_encoder: {hidden_dim: 48, activation: gelu}
  lstm: {hidden_dim: 64, num_layers: 2, dropout: 0.1}
  q_head: {hidden_dim: 32}
replay: {sequence_length: 12}
"""


def problems_of(data) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        BrainSpec.from_data(data)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_every_default_of_the_specification_is_written_out():
    data = BrainSpec.from_data(DUELING).data
    assert data["architecture"]["dueling"] == {
        "shared_layers": [256, 128],
        "value_stream": {"hidden_layers": [128]},
        "advantage_stream": {"hidden_layers": [128]},
        "activation": "relu",
        "dropout": 0.0,
        "layer_norm": True,
    }
    assert data["optimizer"] == {
        "type": "adam",
        "learning_rate": 2.5e-4,
        "weight_decay": 0.0,
        "schedule": {"type": "constant"},
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_eps": 1e-8,
    }
    assert data["loss"] == {"type": "mse"}
    assert data["q_learning"] == {
        "gamma": 0.99,
        "target_update_frequency": 100,
        "use_double_dqn": True,
        "n_step": 1,
        "gradient_clip": 10.0,
        "advantage_learning": 0.0,
    }
    replay = {"prioritized": False, "capacity": 10_000, "batch_size": 64, "symmetries": False}
    assert data["replay"] == replay


def test_recurrent_brains_have_defaults_of_their_own():
    data = BrainSpec.from_data(RECURRENT).data
    assert data["optimizer"]["learning_rate"] == 1e-4
    assert data["loss"] == {"type": "huber", "huber_delta": 1.0}
    assert data["replay"] == {
        "prioritized": False,
        "capacity": 10_000,
        "batch_size": 16,
        "sequence_length": 16,
        "burn_in": 8,
    }
    block = data["architecture"]["recurrent_spatial"]
    assert block["lstm"] == {"hidden_size": 256, "num_layers": 1, "dropout": 0.0}
    assert block["vision_encoder"]["channels"] == [16, 32]


def test_prioritised_replay_has_its_defaults_only_where_it_is_on():
    data = changed(DUELING, {"replay.prioritized": True}).data
    assert data["replay"]["priority_alpha"] == 0.6
    assert data["replay"]["priority_beta"] == 0.4
    assert data["replay"]["priority_beta_annealing"] is True


def test_short_and_long_names_of_one_brain_hash_alike():
    long, short = BrainSpec.from_yaml(LONG_FORM), BrainSpec.from_yaml(SHORT_FORM)
    assert long.data == short.data
    assert long.hash == short.hash
    assert long.hash.startswith("sha256:")


def test_short_form_may_keep_the_block_of_the_family():
    direct = BrainSpec.from_data({"network": {"type": "recurrent", "lstm": {"hidden_dim": 8}}})
    block = {"type": "recurrent", "recurrent": {"lstm": {"hidden_dim": 8}}}
    assert BrainSpec.from_data({"network": block}) == direct


def test_short_form_works_for_every_family():
    short = BrainSpec.from_data({"network": {"type": "feedforward", "hidden_layers": [9]}})
    assert short.block["hidden_layers"] == [9]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_complete_spec_reads_back_as_itself(family):
    spec = BrainSpec.from_data({"architecture": {"type": family}, "description": "1e5"})
    assert BrainSpec.from_data(spec.data) == spec
    assert BrainSpec.from_yaml(spec.to_yaml()).hash == spec.hash


CHANGED_VALUES = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value * 0.5 + 0.001,
    list: lambda value: [value[0] + 2, *value[1:]],
}
OTHER_CHOICES = {
    "version": "2.0",
    "description": "another",
    "activation": "tanh",
    "optimizer.type": "adamw",
    "loss.type": "smooth_l1",
}


def _hash_cases():
    for family in FAMILIES:
        base = BrainSpec.from_data({"architecture": {"type": family}}).data
        if family == "dueling":
            base = changed(DUELING, {"replay.prioritized": True, "optimizer.type": "sgd"}).data
            base["optimizer"]["sgd_momentum"] = 0.5
        for path, value in leaves(base):
            if path in ("architecture.type", "optimizer.schedule.type", "replay.prioritized"):
                continue  # changed by the bases themselves
            if path == "architecture.ensemble.members":
                continue  # in test_board_specs
            if path.endswith(("vision_encoder.type", "lstm.dropout", "n_step")) or (
                path == "loss.type" and value == "mse"
            ):
                continue  # below, since another field must change with it
            other = OTHER_CHOICES.get(path) or OTHER_CHOICES.get(path.rpartition(".")[2])
            if path == "optimizer.type" and value == "sgd":
                continue
            yield pytest.param(base, path, other or CHANGED_VALUES[type(value)](value), id=path)


@pytest.mark.parametrize(("base", "path", "value"), list(_hash_cases()))
def test_any_changed_value_hashes_differently(base, path, value):
    assert changed(base, {path: value}).hash != BrainSpec.from_data(base).hash


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": {"type": "feedforward"}},
        {"optimizer": {"type": "sgd"}},
        {"optimizer.schedule": {"type": "cosine", "t_max": 10}},
        {"loss.type": "huber"},
        {"q_learning.n_step": 3},
        {"replay.prioritized": True},
    ],
)
def test_another_variant_hashes_differently(changes):
    assert changed(DUELING, changes).hash != BrainSpec.from_data(DUELING).hash


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"network": {"type": "dueling"}, **DUELING}, "network"),
        (
            {"network": {"type": "recurrent", "recurrent": {}, "recurrent_spatial": {}}},
            "network.recurrent",
        ),
        (
            {
                "network": {
                    "type": "recurrent",
                    "vision_encoder": {"filters": [4, 4], "channels": [4, 4]},
                }
            },
            "network.vision_encoder.filters",
        ),
        (
            {"network": {"type": "recurrent", "lstm": {"hidden_dim": 8, "hidden_size": 8}}},
            "network.lstm.hidden_dim",
        ),
        (
            {"network": {"type": "recurrent", "q_head": {"hidden_dim": 8, "hidden_sizes": [8]}}},
            "network.q_head.hidden_dim",
        ),
        (
            {"network": {"type": "recurrent", "affordance_encoder": {}, "underfoot_encoder": {}}},
            "network.affordance_encoder",
        ),
        (
            {"network": {"type": "dueling", "dueling": {}, "shared_layers": [4]}},
            "network.shared_layers",
        ),
    ],
)
def test_a_name_given_in_both_forms_is_refused(data, path):
    assert path in problems_of(data)


@pytest.mark.parametrize(
    ("changes", "path", "part"),
    [
        ({"architecture.type": "duelling"}, "architecture.type", "did you mean dueling?"),
        ({"architecture.type": ["dueling"]}, "architecture.type", "found a list of 1"),
        ({"architecture": None}, "architecture", "found nothing; expected a mapping"),
        ({"learning": {}}, "learning", "unknown field"),
        (
            {"architecture.feedforward": {}},
            "architecture.feedforward",
            "only with type feedforward; type is dueling",
        ),
        (
            {"architecture.dueling.shared_layers": []},
            "architecture.dueling.shared_layers",
            "found 0 entries; expected 1 to 8",
        ),
        (
            {"architecture.dueling.shared_layers": [64, 10**9]},
            "architecture.dueling.shared_layers[1]",
            "found 1000000000; expected a whole number from 1 to 4096",
        ),
        (
            {"architecture.dueling.shared_layers": [-1]},
            "architecture.dueling.shared_layers[0]",
            "found -1",
        ),
        (
            {"architecture.dueling.shared_layers": [True]},
            "architecture.dueling.shared_layers[0]",
            "found True",
        ),
        (
            {"architecture.dueling.dropout": 1.0},
            "architecture.dueling.dropout",
            "a number from 0 below 1",
        ),
        (
            {"architecture.dueling.layer_norm": "yes"},
            "architecture.dueling.layer_norm",
            "expected true or false",
        ),
        ({"optimizer.learning_rate": float("nan")}, "optimizer.learning_rate", "found nan"),
        ({"optimizer.learning_rate": 1e309}, "optimizer.learning_rate", "found inf"),
        ({"optimizer.learning_rate": 0}, "optimizer.learning_rate", "a number above 0"),
        ({"optimizer.learning_rate": 10**400}, "optimizer.learning_rate", "more than 38 digits"),
        (
            {"optimizer.sgd_momentum": 0.9},
            "optimizer.sgd_momentum",
            "only with type sgd; type is adam",
        ),
        (
            {"optimizer.type": "sgd", "optimizer.adam_eps": 1e-8},
            "optimizer.adam_eps",
            "only with type adam or adamw; type is sgd",
        ),
        (
            {"optimizer.type": "sgd", "optimizer.sgd_nesterov": True},
            "optimizer.sgd_nesterov",
            "it needs sgd_momentum above 0",
        ),
        (
            {"optimizer.schedule": {"type": "constant", "gamma": 0.5}},
            "optimizer.schedule.gamma",
            "only with type step_decay or exponential",
        ),
        (
            {"optimizer.schedule": {"type": "step_decay", "gamma": 0.5}},
            "optimizer.schedule.step_size",
            "missing",
        ),
        (
            {"optimizer.schedule": {"type": "cosine", "t_max": 10, "eta_min": 1.0}},
            "optimizer.schedule.eta_min",
            "at most learning_rate 0.00025",
        ),
        ({"loss.huber_delta": 1.0}, "loss.huber_delta", "only with type huber or smooth_l1"),
        (
            {"replay.priority_alpha": 0.6},
            "replay.priority_alpha",
            "only with prioritized true; prioritized is false",
        ),
        (
            {"replay.burn_in": 8},
            "replay.burn_in",
            "only with architecture.type recurrent_spatial",
        ),
        (
            {"replay.capacity": 10, "replay.batch_size": 11},
            "replay.batch_size",
            "at most capacity 10",
        ),
        ({"version": 1.0}, "version", "found 1.0; expected text"),
        ({"description": "a\x00b"}, "description", "found the character U+0000"),
        ({"description": "\ud800"}, "description", "found the character U+D800"),
    ],
)
def test_a_fault_is_named_with_path_finding_and_expectation(changes, path, part):
    found = problems_of(with_changes(DUELING, changes))
    assert list(found) == [path]
    assert part in found[path]


@pytest.mark.parametrize(
    ("changes", "path", "part"),
    [
        ({"replay.prioritized": True}, "replay.prioritized", "leave it false"),
        ({"q_learning.n_step": 3}, "q_learning.n_step", "leave it 1"),
        ({"replay.capacity": 20}, "replay.capacity", "one sequence alone has 24 steps"),
        (
            {"architecture.recurrent_spatial.lstm": {"dropout": 0.1}},
            "architecture.recurrent_spatial.lstm.dropout",
            "needs num_layers above 1",
        ),
        (
            {"architecture.recurrent_spatial.lstm": {"num_layers": 5}},
            "architecture.recurrent_spatial.lstm.num_layers",
            "from 1 to 4",
        ),
        (
            {"architecture.recurrent_spatial.vision_encoder": {"channels": [4, 4, 4]}},
            "architecture.recurrent_spatial.vision_encoder.kernel_sizes",
            "found 2 entries; expected 3",
        ),
        (
            {"architecture.recurrent_spatial.vision_encoder": {"type": "none", "channels": [4]}},
            "architecture.recurrent_spatial.vision_encoder.channels",
            "only with type cnn; type is none",
        ),
        (
            {"architecture.recurrent_spatial.meter_encoder": {"type": "cnn"}},
            "architecture.recurrent_spatial.meter_encoder.type",
            "expected mlp",
        ),
    ],
)
def test_what_a_recurrent_brain_cannot_do_is_refused(changes, path, part):
    found = problems_of(with_changes(RECURRENT, changes))
    assert path in found
    assert part in found[path]


def test_all_faults_are_named_at_once_by_the_names_that_were_written():
    found = problems_of(
        {
            "network": {
                "type": "recurrent",
                "vision_encoder": {"filters": "many"},
                "lstm": {"hidden_dim": 0},
                "q_head": {"hidden_dim": "wide"},
            },
            "loss": {"type": "l1"},
        }
    )
    assert list(found) == [
        "network.vision_encoder.filters",
        "network.lstm.hidden_dim",
        "network.q_head.hidden_dim",
        "loss.type",
    ]


@pytest.mark.parametrize("data", [None, [], "dueling", 7, {}])
def test_a_document_of_another_kind_is_refused(data):
    assert problems_of(data)


def test_the_writers_document_is_left_as_it_was():
    data = {"network": {"type": "recurrent", "lstm": {"hidden_dim": 8}}}
    before = copy.deepcopy(data)
    BrainSpec.from_data(data)
    assert data == before
