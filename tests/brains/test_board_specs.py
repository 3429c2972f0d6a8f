"""Brain specs of networks of a board: defaults, other names, refusals, what each field does."""

import pytest
import torch

from hamlet.brains import BrainSpec, blueprint, compile_brain
from hamlet.brains.measuring import layer_table, learning_bytes
from hamlet.brains.presets import BOARD_TYPES, preset
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.errors import SpecError
from tests.brains.boards import BLOCKS, BOARD_FAMILIES, board_network, board_spec, positions
from tests.brains.specs import leaves

OTHER_VALUES = {
    "blocks": 2,
    "channels": 9,
    "head_channels": 5,
    "head_hidden": 17,
    "dropout": 0.5,
    "temperature": 0.7,
    "layers": 2,
    "width": 10,
    "heads": 4,
    "feedforward": 13,
    "positions": False,
    "members": [
        {"architecture": {"type": "ppo", "ppo": BLOCKS["ppo"]}},
        {"architecture": {"type": "dqn", "dqn": BLOCKS["dqn"]}},
    ],
}


def problems_of(data) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        BrainSpec.from_data(data)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_a_complete_spec_reads_back_as_itself_and_says_nothing_of_learning(family):
    spec = BrainSpec.from_data({"architecture": {"type": family}})
    assert set(spec.data) == {"version", "description", "architecture"}
    assert BrainSpec.from_yaml(spec.to_yaml()).hash == spec.hash
    assert spec == preset(family)


def test_defaults_are_those_of_the_small_networks():
    assert preset("alphazero").block == {
        "blocks": 5,
        "channels": 64,
        "head_channels": 32,
        "head_hidden": 128,
        "dropout": 0.0,
    }
    assert preset("transformer").block == {
        "layers": 4,
        "width": 96,
        "heads": 4,
        "feedforward": 384,
        "head_hidden": 256,
        "dropout": 0.1,
        "positions": True,
    }
    members = preset("ensemble").block["members"]
    assert [BrainSpec.from_data(member) for member in members] == [
        preset("alphazero"),
        preset("transformer"),
    ]


@pytest.mark.parametrize(
    ("family", "short", "long"),
    [
        *(
            (f, s, "blocks")
            for f in ("alphazero", "muzero", "ppo", "dqn")
            for s in ("num_res_blocks", "num_blocks")
        ),
        ("transformer", "num_layers", "layers"),
        ("transformer", "num_blocks", "layers"),
        ("transformer", "d_model", "width"),
        ("transformer", "num_heads", "heads"),
    ],
)
def test_other_names_of_a_field_hash_alike(family, short, long):
    def spec(name):
        return BrainSpec.from_data({"architecture": {"type": family, family: {name: 2}}})

    assert spec(short) == spec(long)
    assert spec(short).block[long] == 2
    both = {"architecture": {"type": family, family: {short: 2, long: 2}}}
    assert f"{short} is another name for {long}" in str(problems_of(both))
    wrong = {"architecture": {"type": family, family: {short: 0}}}
    assert list(problems_of(wrong)) == [f"architecture.{family}.{short}"]


def test_the_short_form_works_here_too():
    short = BrainSpec.from_data({"network": {"type": "muzero", "num_blocks": 2}})
    assert short.block["blocks"] == 2


@pytest.mark.parametrize(
    ("members", "path", "part"),
    [
        ([{"architecture": {"type": "ppo"}}], "architecture.ensemble.members", "2 to 16"),
        (
            [{"architecture": {"type": "ppo"}}, {"architecture": {"type": "dueling"}}],
            "architecture.ensemble.members[1].architecture.type",
            "found dueling; expected a network of one board",
        ),
        (
            [{"architecture": {"type": "ppo"}}, {"architecture": {"type": "ensemble"}}],
            "architecture.ensemble.members[1].architecture.type",
            "and no ensemble",
        ),
        (
            [{"architecture": {"type": "ppo", "ppo": {"blocks": 0}}}, {"network": {"type": "dqn"}}],
            "architecture.ensemble.members[0].architecture.ppo.blocks",
            "found 0",
        ),
        ([{}, 7], "architecture.ensemble.members[0].architecture", "missing"),
    ],
)
def test_members_that_do_not_fit_are_refused_by_their_place(members, path, part):
    found = problems_of({"architecture": {"type": "ensemble", "ensemble": {"members": members}}})
    assert part in found[path]


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_learning_settings_in_the_brain_are_refused(family):
    found = problems_of({"architecture": {"type": family}, "optimizer": {"type": "adam"}})
    assert "unknown field" in found["optimizer"]


def _fields():
    for family in BOARD_FAMILIES:
        for name in board_spec(family).block:
            yield pytest.param(family, name, id=f"{family}.{name}")


@pytest.mark.parametrize(("family", "name"), list(_fields()))
def test_each_field_changes_hash_and_network(family, name):
    base, other = board_network(family), board_network(family, **{name: OTHER_VALUES[name]})
    assert base.hash != other.hash
    planes = positions(4)
    assert not torch.equal(base(planes)[0], other(planes)[0])


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_the_layer_table_agrees_with_the_network_that_runs(family):
    table = layer_table(blueprint(preset(family), LAYOUT))
    network, found = compile_brain(preset(family), LAYOUT).eval(), {}

    def hear(name, output):
        if isinstance(output, torch.Tensor):  # an ensemble's last step gives two
            found[name] = tuple(output.shape[1:])

    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _i, output, name=name: hear(name, output))
    if family == "muzero":
        network.dynamics(network.represent(positions(1)), torch.tensor([3]))
    if family == "transformer":
        network.forward_with_reply(positions(1))
    network(positions(1))
    said = {layer.name: layer.output for layer in table}
    assert {name: said.get(name, shape) for name, shape in found.items()} == found
    assert sum(layer.parameters for layer in table) == network.parameter_count
    with_weights = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    assert with_weights <= set(said)


@pytest.mark.parametrize("family", BOARD_TYPES)
def test_memory_for_learning_is_said_without_a_learning_section(family):
    network = blueprint(preset(family), LAYOUT)
    said = learning_bytes(preset(family), network)
    assert said["optimiser"] == 2 * network.parameter_count * 4
    assert said["target network"] == 0


def test_every_field_is_in_the_table_above():
    named = {
        path.split(".")[0]
        for family in BOARD_FAMILIES
        for path, _ in leaves(board_spec(family).block)
    }
    assert named == set(OTHER_VALUES)
