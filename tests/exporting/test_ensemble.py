"""Several models asked together: their answer, what each said, and how far they disagree."""

import pytest
import torch

from hamlet.ensemble import EnsembleModel
from hamlet.errors import InputError, SpecError
from hamlet.onnx_model import OnnxModel
from tests.exporting.models import model_of, observations
from tests.inspecting.onnx_graphs import linear


def saying(*values):
    """A model that gives these values whatever it is asked."""
    model = model_of("feedforward")
    with torch.no_grad():
        model.network.head.weight.zero_()
        model.network.head.bias.copy_(torch.tensor([*values, *[-9.0] * (8 - len(values))]))
    return model


OBS = observations(2)


def test_mean_takes_the_action_of_highest_mean_value():
    together = EnsembleModel([saying(3, 0), saying(0, 2), saying(0, 2)])
    answer = together.run({"observation": OBS})
    assert answer.outputs["q_values"][0, :2].tolist() == pytest.approx([1, 4 / 3])
    assert answer.outputs["actions"].tolist() == [1, 1]
    assert answer.disagreement.tolist() == pytest.approx([1 / 3, 1 / 3])
    assert answer.q_std[0, :2].tolist() == pytest.approx([2**0.5, (8 / 9) ** 0.5])
    assert [member["actions"].tolist() for member in answer.members] == [[0, 0], [1, 1], [1, 1]]


def test_weights_decide_and_their_sum_does_not_matter():
    members = [saying(3, 0), saying(0, 2)]
    for weights in ([1, 3], [10, 30]):
        answer = EnsembleModel(members, method="weighted", weights=weights).run(
            {"observation": OBS}
        )
        assert answer.outputs["q_values"][0, :2].tolist() == pytest.approx([0.75, 1.5])
        assert answer.outputs["actions"].tolist() == [1, 1]
    alone = EnsembleModel(members, method="weighted", weights=[1, 0]).run({"observation": OBS})
    assert alone.outputs["actions"].tolist() == [0, 0]
    assert alone.disagreement.tolist() == [0.5, 0.5]


def test_vote_takes_the_majority_against_the_mean():
    members = [saying(9, 0), saying(0, 1), saying(0, 1)]
    assert EnsembleModel(members).run({"observation": OBS}).outputs["actions"][0] == 0
    voted = EnsembleModel(members, method="vote").run({"observation": OBS})
    assert voted.outputs["actions"].tolist() == [1, 1]
    assert voted.outputs["q_values"][0, 0] == pytest.approx(3)


def test_of_tied_actions_the_one_of_higher_mean_value_is_taken():
    members = [saying(1, 0, 9), saying(9, 0, 8), saying(0, 5, 4), saying(0, 5, 4)]
    # Votes: one for 2, one for 0, two for 1. Without the last: one each, and 2 has the best mean.
    assert (
        EnsembleModel(members, method="vote").run({"observation": OBS}).outputs["actions"][0] == 1
    )
    tied = EnsembleModel(members[:3], method="vote").run({"observation": OBS})
    assert tied.outputs["actions"].tolist() == [2, 2]


@pytest.mark.parametrize("method", ["mean", "vote"])
def test_a_mask_holds_for_the_ensemble(method):
    mask = torch.tensor([[True, False, True] + [False] * 5] * 2)
    together = EnsembleModel([saying(1, 9, 0), saying(1, 9, 0)], method=method)
    answer = together.run({"observation": OBS, "action_mask": mask})
    assert answer.outputs["actions"].tolist() == [0, 0]
    assert answer.disagreement.tolist() == [0, 0]


def test_members_that_agree_disagree_in_nothing():
    answer = EnsembleModel([model_of()] * 3).run({"observation": OBS})
    expected = model_of().run({"observation": OBS})
    assert torch.allclose(answer.outputs["q_values"], expected["q_values"])
    assert answer.disagreement.tolist() == [0, 0]
    assert float(answer.q_std.max()) < 1e-6


def test_each_recurrent_member_has_its_own_hidden_state():
    members = [model_of("recurrent_spatial", seed=seed) for seed in (1, 2)]
    together = EnsembleModel(members)
    first = together.run({"observation": OBS})
    own = [{n: m[n] for n in ("hidden_h", "hidden_c")} for m in first.members]
    second = together.run({"observation": OBS}, own)
    for member, state, said in zip(members, own, second.members, strict=True):
        expected = member.run({"observation": OBS, **state})
        assert torch.equal(said["q_values"], expected["q_values"])
    own[1]["hidden_c"] = own[1]["hidden_c"][:, :1]
    with pytest.raises(InputError, match=r"members\[1\].hidden_c: found a batch of 1"):
        together.run({"observation": OBS}, own)
    with pytest.raises(InputError, match="members: found a list of 1; expected 2 mappings"):
        together.run({"observation": OBS}, own[:1])


def test_a_checkpoint_and_its_onnx_file_stand_side_by_side(onnx_files):
    model, report = onnx_files["dueling"]
    together = EnsembleModel([model, OnnxModel.load_from_file(report.path)])
    assert float(together.run({"observation": OBS}).q_std.max()) < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "median"}, "method: found 'median'; expected one of mean, vote, weighted"),
        ({"method": "weighted"}, "weights: missing; weighted needs them"),
        ({"weights": [1, 1]}, "weights: given, but only weighted uses them"),
        ({"method": "weighted", "weights": [1]}, "weights: found a list of 1; expected 2 numbers"),
        ({"method": "weighted", "weights": [0, 0]}, "of which one is above 0"),
        ({"method": "weighted", "weights": [-1, 2]}, "expected numbers from 0"),
        ({"method": "weighted", "weights": [float("nan"), 1]}, "expected numbers from 0"),
        ({"method": "weighted", "weights": [True, 1]}, "expected 2 numbers"),
        ({"method": "weighted", "weights": "12"}, "found '12'"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(SpecError) as caught:
        EnsembleModel([model_of(), model_of()], **arguments)
    assert message in str(caught.value)


def test_members_that_take_something_else_are_named():
    other = OnnxModel.load_from_bytes(linear().SerializeToString())
    with pytest.raises(SpecError) as caught:
        EnsembleModel([model_of(), model_of("recurrent_spatial"), other])
    text = str(caught.value)
    assert "members[1]: other inputs than members[0]" in text
    assert "members[2]: other action_names than members[0]" in text
    with pytest.raises(SpecError, match="members: found 0; expected 1 to 32 models"):
        EnsembleModel([])
