"""HamletModel: pure predictions, masks in the choice alone, and hidden state by hand or kept."""

import numpy as np
import pytest
import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.errors import InputError
from hamlet.model import HamletModel, StatefulModel
from tests.brains.layouts import L1, TINY
from tests.brains.specs import Q_FAMILIES, small

D = TINY.size


def rand(*shape, seed=4):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def model_of(family, **changes):
    return HamletModel(compile_brain(small(family, **changes), TINY), {"level": "L0"})


@pytest.fixture
def dueling():
    return model_of("dueling")


@pytest.fixture
def recurrent():
    return model_of("recurrent_spatial")


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_one_observation_gives_one_action_and_its_values(family):
    model = model_of(family)
    obs = rand(D)
    single, batch = model.predict(obs), model.predict(obs[None])
    assert single["actions"].shape == ()
    assert single["q_values"].shape == (8,)
    assert batch["actions"].shape == (1,)
    assert torch.equal(single["q_values"], batch["q_values"][0])
    assert int(single["actions"]) == int(single["q_values"].argmax())
    assert (single["hidden"] is None) == (family != "recurrent_spatial")


def test_lists_arrays_and_tensors_give_the_same_answer(dueling):
    obs = rand(3, D)
    expected = dueling.predict(obs)["q_values"]
    for form in (obs.numpy(), obs.tolist(), obs.double(), np.asarray(obs.tolist())):
        assert torch.equal(dueling.predict(form)["q_values"], expected)
    assert torch.equal(
        dueling.predict(obs[0].tolist())["q_values"], dueling.predict(obs[0])["q_values"]
    )


@pytest.mark.parametrize("rows", [1, 3])
def test_equal_numbers_get_equal_answers_wherever_they_lie_in_memory(rows):
    network = compile_brain(BrainSpec.from_data({"architecture": {"type": "dueling"}}), L1)
    model = HamletModel(network)
    obs = rand(rows, L1.size)
    for parameter in network.parameters():
        parameter.data = elsewhere(parameter.data)
    expected = model.predict(obs)["q_values"]
    assert torch.equal(model.predict(elsewhere(obs))["q_values"], expected)
    assert torch.equal(model.predict(obs.T.contiguous().T)["q_values"], expected)
    assert torch.equal(HamletModel(network).predict(obs)["q_values"], expected)


def elsewhere(tensor):
    """The same numbers, one float behind the place where PyTorch would begin."""
    block = torch.empty(tensor.numel() + 1)
    block[1:] = tensor.flatten()
    return block[1:].view(tensor.shape)


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_predicting_changes_nothing_and_draws_nothing(family):
    model = model_of(family)
    weights = {name: value.clone() for name, value in model.network.state_dict().items()}
    obs = rand(2, D)
    hidden = model.network.initial_hidden(2)
    kept = obs.clone(), [part.clone() for part in hidden or ()]
    generator = torch.Generator().manual_seed(1)
    states = torch.get_rng_state(), generator.get_state()
    first = model.predict(obs, hidden, generator=generator)
    again = model.predict(obs, hidden, generator=generator)
    assert torch.equal(first["q_values"], again["q_values"])
    assert not first["q_values"].requires_grad
    assert torch.equal(obs, kept[0])
    assert all(torch.equal(a, b) for a, b in zip(hidden or (), kept[1], strict=True))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(generator.get_state(), states[1])
    now = model.network.state_dict()
    assert all(torch.equal(weights[name], now[name]) for name in weights)


def test_a_mask_decides_the_choice_and_leaves_the_values_alone(dueling):
    obs = rand(2, D)
    free = dueling.predict(obs)
    best = free["actions"]
    mask = torch.ones(2, 8, dtype=torch.bool)
    mask[0, best[0]] = False
    masked = dueling.predict(obs, action_mask=mask)
    assert torch.equal(masked["q_values"], free["q_values"])
    assert masked["actions"][0] == free["q_values"][0].topk(2).indices[1]
    assert masked["actions"][1] == best[1]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
def test_masks_of_zero_and_one_are_taken_as_gymnasium_gives_them(dueling, dtype):
    mask = np.zeros(8, dtype=dtype)
    mask[3] = 1
    assert int(dueling.predict(rand(D), action_mask=mask)["actions"]) == 3


@pytest.mark.parametrize("one", [1, np.int8(1), np.int64(1), np.bool_(True), True])
def test_masks_may_be_lists_of_zero_and_one(dueling, one):
    zero = type(one)(0)
    mask = [zero] * 3 + [one] + [zero] * 4
    assert int(dueling.predict(rand(D), action_mask=mask)["actions"]) == 3
    several = dueling.predict(rand(2, D), action_mask=[mask, tuple(reversed(mask))])
    assert several["actions"].tolist() == [3, 4]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_observations_and_epsilon_may_be_numpy_scalars(dueling, kind):
    obs = [kind(number) for number in range(D)]
    expected = dueling.predict([float(number) for number in range(D)])
    assert torch.equal(dueling.predict(obs)["q_values"], expected["q_values"])
    batch = dueling.predict([obs, obs])["q_values"]
    assert batch.shape == (2, 8)
    explored = [
        dueling.predict(obs, epsilon=chance, generator=torch.Generator().manual_seed(3))
        for chance in (kind(1), 1)
    ]
    assert explored[0]["actions"] == explored[1]["actions"]


def test_exploring_takes_legal_actions_only_and_the_seed_decides(dueling):
    obs = rand(1, D).repeat(500, 1)
    mask = torch.tensor([[True, False, True, False, False, True, False, False]]).repeat(500, 1)

    def explore():
        generator = torch.Generator().manual_seed(2)
        return dueling.predict(obs, epsilon=1.0, action_mask=mask, generator=generator)["actions"]

    actions = explore()
    assert set(actions.tolist()) == {0, 2, 5}
    assert torch.equal(actions, explore())


@pytest.mark.parametrize(
    ("changes", "path", "part"),
    [
        ({"obs": [0.0] * 7}, "observation[0]", "found 7 entries; expected 164"),
        ({"obs": []}, "observation", "found a batch of 0"),
        ({"action_mask": [False] * 8}, "action_mask[0]", "all false"),
        ({"action_mask": np.full(8, 2)}, "action_mask", "found int64; expected bool"),
        ({"action_mask": [True] * 7}, "action_mask[0]", "found 7 entries"),
        ({"epsilon": 1.5}, "epsilon", "found 1.5; expected a number from 0 to 1"),
        ({"epsilon": float("nan")}, "epsilon", "found nan"),
        ({"epsilon": True}, "epsilon", "found True"),
        ({"epsilon": 0.1}, "generator", "pass a torch.Generator"),
        ({"hidden": (1, 2)}, "hidden", "keeps no hidden state"),
        ({"epsilon": "0.5"}, "epsilon", "found '0.5'; expected a number from 0 to 1"),
        ({"epsilon": np.complex64(0)}, "epsilon", "expected a number from 0 to 1"),
        ({"generator": 7}, "generator", "found 7; expected a torch.Generator"),
        ({"generator": 7, "epsilon": 0.5}, "generator", "found 7"),
        ({"obs": torch.zeros(D).to_sparse()}, "observation", "layout torch.sparse_coo"),
        ({"obs": torch.zeros(D, device="meta")}, "observation", "found a meta tensor"),
        ({"obs": torch.zeros(D, dtype=torch.complex64)}, "observation", "found complex64"),
        ({"obs": None}, "observation", "missing"),
        ({"obs": 3}, "observation", "found 3; expected a list"),
        ({"obs": {"a": 1}}, "observation", "found a mapping"),
        ({"obs": [object()] * D}, "observation[0]", "nested 2 deep"),
        ({"action_mask": torch.ones(8, device="meta").int()}, "action_mask", "a meta tensor"),
        ({"action_mask": torch.ones(8).int().to_sparse()}, "action_mask", "torch.sparse_coo"),
        ({"action_mask": [1, 2, 1, 1, 1, 1, 1, 1]}, "action_mask[0][1]", "found 2"),
        ({"action_mask": "11111111"}, "action_mask", "found '11111111'"),
        ({"action_mask": 1}, "action_mask", "found 1"),
    ],
)
def test_wrong_arguments_are_refused_by_name(dueling, changes, path, part):
    with pytest.raises(InputError) as caught:
        dueling.predict(**{"obs": [0.0] * D, **changes})
    assert caught.value.problems[0].path == path
    assert part in caught.value.problems[0].message


@pytest.mark.parametrize(
    ("hidden", "part"),
    [
        (torch.zeros(1, 1, 12), "the pair"),
        ((torch.zeros(1, 2, 12), torch.zeros(1, 2, 12)), "hidden_h: found a batch of 2"),
        ((torch.zeros(1, 1, 11), torch.zeros(1, 1, 12)), "found 11 entries; expected 12"),
        ((torch.full((1, 1, 12), torch.nan), torch.zeros(1, 1, 12)), "found NaN"),
        ((torch.zeros(1, 1, 12), torch.zeros(1, 1, 12).to_sparse()), "hidden_c: found a tensor"),
        ((7, "x"), "hidden_h: found 7"),
        (7, "the pair"),
    ],
)
def test_a_wrong_hidden_state_is_refused(recurrent, hidden, part):
    with pytest.raises(InputError, match="hidden") as caught:
        recurrent.predict(rand(D), hidden)
    assert part in str(caught.value)


def test_numbers_that_overflow_the_network_are_no_answer():
    network = compile_brain(small("feedforward", architecture__feedforward__layer_norm=False), TINY)
    with torch.no_grad():
        network.body[0].weight.fill_(1.0)
    model = HamletModel(network)
    with pytest.raises(InputError, match="q_values is no longer finite"):
        model.predict([3e38] * D)


def test_a_model_is_a_snapshot_of_the_network_it_was_made_from():
    network = compile_brain(small("dueling", architecture__dueling__dropout=0.5), TINY)
    model = HamletModel(network)
    before = model.predict(rand(D))["q_values"]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(model.predict(rand(D))["q_values"], before)
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_hidden_state_makes_a_difference_and_is_returned(recurrent):
    obs = rand(D)
    first = recurrent.predict(obs)
    second = recurrent.predict(obs, first["hidden"])
    assert [part.shape for part in first["hidden"]] == [(1, 1, 12)] * 2
    assert not torch.equal(first["q_values"], second["q_values"])


def test_run_answers_by_the_names_of_the_signature(recurrent):
    obs = rand(3, D)
    outputs = recurrent.run({"observation": obs.tolist()})
    assert list(outputs) == [spec.name for spec in recurrent.signature().outputs]
    for spec in recurrent.signature().outputs:
        expected = tuple(3 if size == -1 else size for size in spec.shape)
        assert tuple(outputs[spec.name].shape) == expected
        assert str(outputs[spec.name].dtype) == f"torch.{spec.dtype}"
    predicted = recurrent.predict(obs)
    assert torch.equal(outputs["q_values"], predicted["q_values"])
    following = recurrent.run(
        {
            "observation": obs,
            "hidden_h": outputs["hidden_h"].tolist(),
            "hidden_c": outputs["hidden_c"].tolist(),
            "action_mask": [[False] * 7 + [True]] * 3,
        }
    )
    assert following["actions"].tolist() == [7, 7, 7]
    again = recurrent.predict(obs, predicted["hidden"])
    assert torch.equal(following["q_values"], again["q_values"])


def test_requests_joined_along_their_batch_axes_get_the_answers_they_get_alone(recurrent):
    signature = recurrent.signature()
    state = (rand(1, 3, 12, seed=7), rand(1, 3, 12, seed=8))
    requests = [
        signature.check_inputs(
            {
                "observation": rand(rows, D, seed=rows),
                "hidden_h": state[0][:, :rows],
                "hidden_c": state[1][:, :rows],
            }
        )
        for rows in (1, 3)
    ]
    joined = {
        spec.name: torch.cat([request[spec.name] for request in requests], dim=spec.batch_axis)
        for spec in signature.inputs
        if spec.name in requests[0]
    }
    together = recurrent.run_checked(joined)["q_values"]
    alone = torch.cat([recurrent.run_checked(request)["q_values"] for request in requests])
    assert torch.allclose(together, alone, atol=1e-6)


def test_a_stateful_model_threads_the_hidden_state_and_resets_rows(recurrent):
    stateful = StatefulModel(recurrent)
    obs = rand(2, D)
    first = stateful.predict(obs)["q_values"]
    second = stateful.predict(obs)
    assert not torch.equal(first, second["q_values"])

    stateful.reset(mask=[True, False])
    third = stateful.predict(obs)["q_values"]
    continued = recurrent.predict(obs, second["hidden"])["q_values"]
    assert torch.allclose(third[0], first[0], atol=1e-6)
    assert torch.equal(third[1], continued[1])

    stateful.reset()
    assert torch.equal(stateful.predict(obs)["q_values"], first)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_stateful_model_refuses_another_batch_size_until_reset(recurrent):
    stateful = StatefulModel(recurrent)
    stateful.predict(rand(2, D))
    with pytest.raises(InputError, match="found a batch of 2; observation has a batch of 3"):
        stateful.predict(rand(3, D))
    with pytest.raises(InputError, match=r"found shape \[3\]; expected \[2\]"):
        stateful.reset([True, False, True])
    nested = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])
    for mask in ("x", [object()], 7, torch.zeros(2, device="meta").to_sparse, nested):
        with pytest.raises(InputError, match="mask: found"):
            stateful.reset(mask)
    stateful.reset()
    assert stateful.predict(rand(3, D))["actions"].shape == (3,)


def test_a_stateful_model_without_memory_is_the_model_itself(dueling):
    stateful = StatefulModel(dueling)
    obs = rand(2, D)
    stateful.predict(obs)
    stateful.reset([True, True])
    assert torch.equal(stateful.predict(obs)["q_values"], dueling.predict(obs)["q_values"])
