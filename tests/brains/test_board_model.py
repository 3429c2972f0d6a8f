"""Models of a board: asked by name, asked to choose, kept in files with their running means."""

import numpy as np
import pytest
import torch
from safetensors.torch import save

from hamlet.bare_weights import checkpoint_from_weights
from hamlet.brains.board import open_columns
from hamlet.checkpoint import inference_bytes
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.planes import planes_of
from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, InputError
from hamlet.model import HamletModel, StatefulModel
from hamlet.sample_positions import SPECIAL_GAMES, random_positions, special_positions
from tests.brains.boards import (
    BOARD_FAMILIES,
    board_network,
    board_of,
    board_spec,
    positions,
    unsettled,
)


def model_of(family: str = "alphazero") -> HamletModel:
    return HamletModel(unsettled(board_network(family)), {"level": family})


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_every_family_takes_and_gives_the_same(family):
    signature = model_of(family).signature()
    assert [(s.name, s.dtype, s.shape) for s in (*signature.inputs, *signature.outputs)] == [
        ("input", "float32", (-1, 3, 6, 7)),
        ("policy", "float32", (-1, 7)),
        ("value", "float32", (-1, 1)),
    ]
    assert signature.adapter == "connect_four"
    assert signature.action_names == LAYOUT.actions
    assert signature.hash == model_of("alphazero").signature().hash


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_a_file_keeps_everything_the_answer_depends_on(family):
    model = model_of(family)
    if family == "ensemble":
        model.network.set_combination([0.125, 0.875], [0.5, 2.0])
    loaded = HamletModel.load_from_checkpoint(inference_bytes(model), layout=LAYOUT)
    planes = positions(5)
    expected, found = model.run({"input": planes}), loaded.run({"input": planes.tolist()})
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert loaded.network.state_dict().keys() == model.network.state_dict().keys()
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], tensor), name
    assert loaded.metadata == {"level": family}


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_predicting_leaves_the_running_means_alone(family):
    model = model_of(family)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    planes = positions(5)
    first = model.run({"input": planes})
    again = model.run({"input": planes})
    assert all(torch.equal(first[name], again[name]) for name in first)
    now = model.network.state_dict()
    assert all(torch.equal(before[name], now[name]) for name in before)


def test_plain_weights_with_running_means_become_a_model():
    model = model_of()
    weights = save(dict(model.network.state_dict()))
    content = checkpoint_from_weights(weights, board_spec("alphazero").to_yaml(), LAYOUT.to_data())
    planes = positions(2)
    found = HamletModel.load_from_checkpoint(content).run({"input": planes})
    assert torch.equal(found["policy"], model.run({"input": planes})["policy"])


def test_running_means_that_are_no_numbers_or_missing_are_refused():
    spec, layout = board_spec("alphazero").to_yaml(), LAYOUT.to_data()
    good = dict(board_network("alphazero").state_dict())
    name = next(name for name in good if name.endswith("running_var"))
    bad = {**good, name: torch.full_like(good[name], torch.nan)}
    with pytest.raises(CheckpointError, match=f"{name} holds NaN"):
        checkpoint_from_weights(save(bad), spec, layout)
    with pytest.raises(CheckpointError, match="missing trunk.1.num_batches_tracked"):
        checkpoint_from_weights(
            save(
                {key: value for key, value in good.items() if key != "trunk.1.num_batches_tracked"}
            ),
            spec,
            layout,
        )


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_predicting_chooses_among_the_columns_that_are_not_full(family):
    model = model_of(family)
    planes = torch.cat([board_of(0, 1, 2, 4, 5, 6), positions(3)])
    answer = model.predict(planes)
    assert int(answer["actions"][0]) == 3
    assert answer["policy"][0].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert torch.allclose(answer["policy"].sum(dim=1), torch.ones(4))
    assert answer["policy"][~open_columns(planes)].any().item() is False
    assert answer["value"].shape == (4,)
    assert torch.equal(answer["actions"], answer["policy"].argmax(dim=1))


def test_one_board_and_a_batch_and_every_form_give_the_same():
    model = model_of()
    planes = positions(3)
    batch = model.predict(planes)
    for form in (planes[1], planes[1].numpy(), planes[1].tolist(), planes[1].double()):
        single = model.predict(form)
        assert single["actions"].shape == single["value"].shape == ()
        assert torch.allclose(single["policy"], batch["policy"][1], atol=1e-6)
    stateful = StatefulModel(model)
    assert torch.equal(stateful.predict(planes)["policy"], batch["policy"])


def test_a_mask_decides_alone_and_exploring_obeys_it():
    model, planes = model_of(), positions(200)
    mask = np.zeros((200, 7), dtype=np.int8)
    mask[:, [2, 5]] = 1
    generator = torch.Generator().manual_seed(1)
    drawn = model.predict(planes, epsilon=1.0, action_mask=mask, generator=generator)["actions"]
    assert set(drawn.tolist()) == {2, 5}
    assert model.predict(planes[0], action_mask=[0] * 6 + [1])["actions"] == 6


@pytest.mark.parametrize(
    ("arguments", "path", "part"),
    [
        ({"obs": torch.zeros(3, 6, 6)}, "input[0][0][0]", "found 6 entries; expected 7"),
        ({"obs": torch.zeros(126)}, "input", "expected 4 axes"),
        ({"action_mask": [False] * 7}, "input[0]", "no action is legal"),
        ({"action_mask": [True] * 8}, "action_mask[0]", "found 8 entries; expected 7"),
        ({"action_mask": torch.ones(2, 7).bool()}, "action_mask", "2"),
        ({"obs": board_of(*range(7))}, "input[0]", "no action is legal"),
        ({"epsilon": 2}, "epsilon", "expected a number from 0 to 1"),
        ({"hidden": (1, 2)}, "hidden", "keeps no hidden state"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments, path, part):
    with pytest.raises(InputError) as caught:
        model_of().predict(**{"obs": torch.zeros(3, 6, 7), **arguments})
    assert caught.value.problems[0].path == path
    assert part in caught.value.problems[0].message


def test_sample_positions_are_encoded_as_everywhere_else():
    for name, moves in SPECIAL_GAMES.items():
        position = Position.after(int(digit) - 1 for digit in moves)
        expected = planes_of(torch.tensor([position.own]), torch.tensor([position.occupied]))
        assert torch.equal(special_positions()[name]["input"], expected)
        assert not position.ended
    drawn = random_positions(300, torch.Generator().manual_seed(0))["input"]
    stones = drawn[:, :2].sum(dim=(1, 2, 3))
    assert stones.min() == 0
    assert stones.max() > 30
    assert len(torch.unique(drawn, dim=0)) > 250
    assert torch.equal(drawn[:, 2, 0, 0], (stones % 2 == 0).float())
