"""MuZero's parts: latent boards within [0, 1], moves that change them, prediction on the latent."""

import pytest
import torch

from hamlet.model import HamletModel
from tests.brains.boards import board_network, positions, unsettled


@pytest.fixture
def network():
    return unsettled(board_network("muzero")).eval()


def test_latent_boards_reach_from_0_to_1(network):
    latent = network.represent(positions(5))
    assert latent.shape == (5, 8, 6, 7)
    assert latent.amin(dim=(1, 2, 3)).tolist() == [0.0] * 5
    assert latent.amax(dim=(1, 2, 3)).tolist() == pytest.approx([1.0] * 5)
    with torch.no_grad():
        after, reward = network.dynamics(latent, torch.arange(5))
    assert after.amin() == 0.0
    assert float(after.amax()) == pytest.approx(1.0)
    assert reward.shape == (5, 1)


def test_a_board_is_answered_by_representation_and_prediction(network):
    planes = positions(5)
    whole, parts = network(planes), network.predict(network.represent(planes))
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_each_move_leads_elsewhere(network):
    latent = network.represent(positions(1)).expand(7, -1, -1, -1)
    after, _ = network.dynamics(latent, torch.arange(7))
    distinct = torch.unique(after.flatten(1), dim=0)
    assert len(distinct) == 7


def test_a_move_is_laid_into_its_own_column(network):
    planes = network._move_planes(torch.tensor([2, 6]))
    assert planes.shape == (2, 7, 6, 7)
    assert planes[0, 2, :, 2].tolist() == [1.0] * 6
    assert planes[1, 6, :, 6].tolist() == [1.0] * 6
    assert float(planes.sum()) == 12.0


def test_a_latent_board_of_equal_numbers_stays_finite(network):
    with torch.no_grad():
        for parameter in network.representation.parameters():
            parameter.zero_()
    assert network.represent(positions(2)).unique().tolist() == [0.0]


def test_losses_reach_every_part(network):
    network.train()
    latent = network.represent(positions(4))
    after, reward = network.dynamics(latent, torch.tensor([0, 1, 2, 3]))
    policy, value = network.predict(after)
    (policy.square().sum() + value.sum() + reward.sum()).backward()
    for part in ("representation", "transition", "reward_head", "policy_head", "value_head"):
        assert getattr(network, part)[0].weight.grad.abs().max() > 0, part


def test_the_parts_answer_by_name_as_the_whole_does(network):
    parts = {name: HamletModel(part, adapter="") for name, part in network.parts().items()}
    planes, action = positions(3), torch.tensor([1, 4, 6])
    latent = parts["representation"].run({"input": planes})["latent"]
    assert torch.equal(latent, network.represent(planes))
    after = parts["dynamics"].run({"latent": latent, "action": action})
    assert torch.equal(after["next_latent"], network.dynamics(latent, action)[0])
    assert torch.equal(after["reward"], network.dynamics(latent, action)[1])
    found = parts["prediction"].run({"latent": after["next_latent"]})
    assert torch.equal(found["policy"], network.predict(after["next_latent"])[0])
