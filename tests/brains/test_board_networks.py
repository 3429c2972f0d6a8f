"""Networks of a board: what they take and give, how many weights they have, what they can be."""

import pytest
import torch

from hamlet.brains import BrainSpec, blueprint, compile_brain
from hamlet.brains.board import open_columns
from hamlet.brains.presets import BOARD_TYPES, preset
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.errors import ShapeError, SpecError
from hamlet.layout import ObservationLayout
from tests.brains.boards import (
    BOARD_FAMILIES,
    board_network,
    board_of,
    board_spec,
    positions,
    unsettled,
)
from tests.brains.layouts import TINY

PARAMETERS = {
    ("alphazero", "small"): 725_020,
    ("alphazero", "large"): 22_972_920,
    ("muzero", "small"): 800_475,
    ("muzero", "large"): 39_225_641,
    ("transformer", "small"): 504_367,
    ("transformer", "large"): 38_121_487,
    ("ppo", "small"): 648_008,
    ("ppo", "large"): 3_314_376,
    ("dqn", "small"): 648_008,
    ("dqn", "large"): 3_314_376,
    ("ensemble", "small"): 1_229_387,
    ("ensemble", "large"): 26_287_296,
}


def test_every_family_of_boards_has_its_presets():
    assert set(BOARD_TYPES) == set(BOARD_FAMILIES)


@pytest.mark.parametrize(("model_type", "size"), PARAMETERS)
def test_presets_have_the_specified_number_of_parameters(model_type, size):
    assert (
        blueprint(preset(model_type, size), LAYOUT).parameter_count
        == (PARAMETERS[model_type, size])
    )


@pytest.mark.parametrize(
    ("arguments", "path", "part"),
    [
        (("alphazer0", "small"), "model_type", "did you mean alphazero?"),
        (("dueling", "small"), "model_type", "expected one of alphazero, muzero"),
        (("ppo", "medium"), "size", "expected one of small, large"),
        ((None, "small"), "model_type", "found nothing"),
    ],
)
def test_a_preset_that_there_is_not_is_refused(arguments, path, part):
    with pytest.raises(SpecError) as caught:
        preset(*arguments)
    assert caught.value.problems[0].path == path
    assert part in caught.value.problems[0].message


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_a_board_gives_logits_and_a_value_within_bounds(family):
    network = unsettled(board_network(family)).eval()
    policy, value = network(positions(50))
    assert policy.shape == (50, 7)
    assert value.shape == (50, 1)
    assert bool((value.abs() <= 1).all())
    assert policy.std(dim=0).min() > 0
    assert value.std() > 0


@pytest.mark.parametrize("family", BOARD_FAMILIES)
@pytest.mark.parametrize("plane", [0, 1, 2])
def test_every_plane_changes_the_answer(family, plane):
    network = unsettled(board_network(family)).eval()
    planes = positions(4)
    other = planes.clone()
    other[:, plane] = 1.0 - other[:, plane]
    assert not torch.equal(network(planes)[0], network(other)[0])


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_one_seed_gives_one_network_and_compiling_draws_nothing_else(family):
    before = torch.get_rng_state()
    one, twin, other = (board_network(family, seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], twin[name]) for name in one)
    drawn = [name for name in one if one[name].unique().numel() > 1]
    assert drawn
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_norms_begin_as_pytorch_begins_them(family):
    for module in board_network(family).modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.weight.unique().tolist() == module.running_var.unique().tolist() == [1.0]
            assert module.bias.unique().tolist() == module.running_mean.unique().tolist() == [0.0]
            assert int(module.num_batches_tracked) == 0


def test_positions_begin_as_small_normal_numbers():
    positions = compile_brain(preset("transformer"), LAYOUT).positions.weight.detach()
    assert positions.shape == (42, 96)
    assert float(positions.std()) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("family", [name for name in BOARD_FAMILIES if name != "ensemble"])
def test_dropout_draws_from_its_own_generator_and_rests_in_evaluation(family):
    network, twin = (unsettled(board_network(family, dropout=0.5)) for _ in range(2))
    for each in (network, twin):
        for module in each.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()  # so that nothing but dropout tells two answers apart
    planes, before = positions(3), torch.get_rng_state()
    first, second = network(planes)[0], network(planes)[0]
    assert not torch.equal(first, second)
    assert torch.equal(twin(planes)[0], first)
    assert torch.equal(torch.get_rng_state(), before)
    network.eval()
    assert torch.equal(network(planes)[0], network(planes)[0])


def test_dropout_inside_of_an_ensemble_is_seeded_too():
    members = [{"architecture": {"type": "ppo", "ppo": {"blocks": 1, "dropout": 0.5}}}] * 2
    network, twin = (board_network("ensemble", members=members) for _ in range(2))
    planes = positions(3)
    assert torch.equal(network(planes)[0], twin(planes)[0])
    assert network.dropout_generator.get_state().equal(twin.dropout_generator.get_state())


@pytest.mark.parametrize("family", BOARD_FAMILIES)
@pytest.mark.parametrize("shape", [(3, 6, 7), (2, 3, 7, 6), (2, 2, 6, 7), (2, 126)])
def test_planes_of_another_shape_are_refused(family, shape):
    with pytest.raises(ShapeError, match=r"expected \[B, 3, 6, 7\]"):
        board_network(family)(torch.zeros(shape))


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_an_observation_that_is_no_board_is_refused(family):
    with pytest.raises(SpecError) as caught:
        compile_brain(board_spec(family), TINY)
    problem = caught.value.problems[0]
    assert problem.path.startswith(f"architecture.{family}.")
    assert "reads one group board of [3, rows, columns]" in problem.message


def test_a_board_of_absurd_size_is_refused():
    data = LAYOUT.to_data()
    data["groups"][0].update(shape=[3, 100, 7], stop=2100)
    with pytest.raises(SpecError, match="found a board of 700 cells; expected at most 400"):
        compile_brain(board_spec("transformer"), ObservationLayout.from_data(data))


def test_a_full_column_is_not_open():
    assert open_columns(board_of(0, 6)).tolist() == [[False, *[True] * 5, False]]


def test_an_ensemble_or_a_transformer_that_cannot_be_built_is_refused():
    with pytest.raises(SpecError, match="expected a divisor of width 8"):
        compile_brain(board_spec("transformer", heads=3), LAYOUT)
    with pytest.raises(SpecError, match=r"blocks: found 41; expected a whole number from 1 to 40"):
        board_spec("alphazero", blocks=41)
    huge = {"architecture": {"type": "alphazero", "alphazero": {"blocks": 40, "channels": 512}}}
    with pytest.raises(SpecError, match="at most 50,000,000"):
        blueprint(BrainSpec.from_data(huge), LAYOUT)


# One family's own


def test_q_values_become_policy_and_value_inside_of_the_network():
    network = unsettled(board_network("dqn", temperature=0.25)).eval()
    planes = torch.cat([positions(20), board_of(*range(7)), board_of(0, 1, 2)])
    with torch.no_grad():
        q_values = network.q_values(planes)
        policy, value = network(planes)
    assert torch.allclose(policy, q_values / 0.25)
    for row in range(20):
        best = max(
            float(q)
            for q, open_ in zip(q_values[row], open_columns(planes)[row], strict=True)
            if open_
        )
        assert float(value[row]) == pytest.approx(min(1.0, max(-1.0, best)), abs=1e-6)
    assert float(value[20]) == 0.0  # a full board is a draw
    assert float(value[21]) == pytest.approx(float(q_values[21, 3:].max().clamp(-1, 1)), abs=1e-6)


def test_advantages_of_the_dueling_streams_average_to_zero():
    network = unsettled(board_network("dqn")).eval()
    planes = positions(5)
    value = network.value_head(network.trunk(planes))
    apart = network.q_values(planes) - value
    assert torch.allclose(apart.mean(dim=1), torch.zeros(5), atol=1e-6)
    assert apart.abs().max() > 0


def test_a_transformer_without_positions_cannot_tell_cells_apart():
    planes = positions(4)
    moved = planes.roll(2, dims=-1)
    for given, same in ((False, True), (True, False)):
        network = board_network("transformer", positions=given).eval()
        assert torch.allclose(network(planes)[0], network(moved)[0], atol=1e-6) is same


def test_the_reply_is_guessed_beside_the_same_answer():
    network = board_network("transformer").eval()
    planes = positions(4)
    policy, value, reply = network.forward_with_reply(planes)
    assert reply.shape == (4, 7)
    assert torch.equal(policy, network(planes)[0])
    assert torch.equal(value, network(planes)[1])
    assert [spec.name for spec in network.output_specs()] == ["policy", "value"]
