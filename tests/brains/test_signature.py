"""Signatures: what a model takes by name, and the exact reason why something is refused."""

import json
import math

import numpy as np
import pytest
import torch

from hamlet.brains import compile_brain
from hamlet.errors import InputError, ShapeError, SpecError
from hamlet.model import HamletModel
from hamlet.signature import Signature, TensorSpec
from tests.brains.layouts import TINY
from tests.brains.specs import small

D = TINY.size  # 9 cells x 15 planes + 29 = 164
ROW = [0.5] * D
MASK = [True] * 8


@pytest.fixture(scope="module")
def plain():
    return HamletModel(compile_brain(small("dueling"), TINY)).signature()


@pytest.fixture(scope="module")
def recurrent():
    return HamletModel(compile_brain(small("recurrent_spatial"), TINY)).signature()


def problems_of(signature, inputs):
    with pytest.raises(InputError) as caught:
        signature.check_inputs(inputs)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_signature_names_inputs_outputs_layout_actions_adapter_and_hashes(recurrent):
    shapes = {spec.name: (spec.dtype, spec.shape, spec.optional) for spec in recurrent.inputs}
    assert shapes == {
        "observation": ("float32", (-1, 164), False),
        "action_mask": ("bool", (-1, 8), True),
        "hidden_h": ("float32", (1, -1, 12), True),
        "hidden_c": ("float32", (1, -1, 12), True),
    }
    assert {spec.name: spec.shape for spec in recurrent.outputs} == {
        "actions": (-1,),
        "q_values": (-1, 8),
        "hidden_h": (1, -1, 12),
        "hidden_c": (1, -1, 12),
    }
    assert recurrent.layout == TINY
    assert recurrent.action_names == TINY.actions
    assert recurrent.adapter == "town"
    assert recurrent.hashes == {"brain_spec": small("recurrent_spatial").hash, "layout": TINY.hash}
    assert recurrent.input("hidden_h").batch_axis == 1


def test_json_and_back_gives_the_same_signature(plain, recurrent):
    for signature in (plain, recurrent):
        assert Signature.from_json(signature.to_json()) == signature
    assert plain.hash != recurrent.hash


def test_models_of_other_brains_with_equal_inputs_can_stand_in_for_each_other(plain):
    other = HamletModel(compile_brain(small("feedforward"), TINY)).signature()
    assert other.hashes != plain.hashes
    assert other.hash == plain.hash


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("inputs"),
        lambda data: data["inputs"][0].update(dtype="object"),
        lambda data: data["inputs"][0].update(shape=[2, 3]),
        lambda data: data["layout"]["groups"][0].update(stop=7),
        lambda data: data.update(code="import os"),
    ],
)
def test_a_damaged_signature_is_refused(plain, damage):
    data = json.loads(plain.to_json())
    damage(data)
    with pytest.raises(SpecError):
        Signature.from_data(data)


def test_broken_json_is_refused():
    with pytest.raises(SpecError, match="not valid JSON"):
        Signature.from_json("{")


@pytest.mark.parametrize(
    "value",
    [
        [ROW, ROW],
        (tuple(ROW), tuple(ROW)),
        np.full((2, D), 0.5),
        np.full((2, D), 0.5, dtype=np.float32)[::-1],
        np.full((2, D), 0.5, dtype=">f8"),
        torch.full((2, D), 0.5),
        torch.full((2, D), 0.5, dtype=torch.float64),
    ],
)
def test_lists_arrays_and_tensors_become_the_same_float32_tensor(plain, value):
    tensors = plain.check_inputs({"observation": value})
    assert list(tensors) == ["observation"]
    assert torch.equal(tensors["observation"], torch.full((2, D), 0.5))


def test_whole_numbers_in_a_list_are_numbers(plain):
    tensors = plain.check_inputs({"observation": [[1] * D]})
    assert tensors["observation"].dtype == torch.float32


def test_an_array_is_not_shared_with_its_owner(plain):
    array = np.full((1, D), 0.5, dtype=np.float32)
    tensor = plain.check_inputs({"observation": array})["observation"]
    array[:] = 9.0
    assert torch.equal(tensor, torch.full((1, D), 0.5))


WRONG = [
    ({}, "observation", "missing; expected float32 [batch, 164]"),
    ({"observation": None}, "observation", "missing"),
    ({"observations": [ROW]}, "observations", "unknown input"),
    ({"observation": [ROW], "obs": 1}, "obs", "expected one of observation, action_mask"),
    (
        {"observation": [ROW[:-1]]},
        "observation[0]",
        "found 163 entries; expected 164 (grid 135, position 2, meters 8, underfoot 15, clock 4)",
    ),
    ({"observation": [ROW, ROW[:5]]}, "observation[1]", "found 5 entries; expected 164"),
    ({"observation": ROW}, "observation[0]", "expected lists nested 2 deep"),
    ({"observation": [[ROW]]}, "observation[0]", "found 1 entries; expected 164"),
    ({"observation": []}, "observation", "found a batch of 0; expected 1 row or more"),
    ({"observation": [[*ROW[:3], "0.5", *ROW[4:]]]}, "observation[0][3]", "found '0.5'"),
    ({"observation": [[*ROW[:3], True, *ROW[4:]]]}, "observation[0][3]", "found True"),
    ({"observation": [[*ROW[:3], None, *ROW[4:]]]}, "observation[0][3]", "found nothing"),
    ({"observation": [[*ROW[:3], [0.5], *ROW[4:]]]}, "observation[0][3]", "found a list of 1"),
    ({"observation": [[*ROW[:3], math.nan, *ROW[4:]]]}, "observation[0][3]", "found NaN"),
    ({"observation": [[*ROW[:3], math.inf, *ROW[4:]]]}, "observation[0][3]", "found inf"),
    ({"observation": [[*ROW[:3], 1e39, *ROW[4:]]]}, "observation[0][3]", "finite float32"),
    ({"observation": [[*ROW[:3], 10**400, *ROW[4:]]]}, "observation", "too many digits"),
    ({"observation": "0.5"}, "observation", "found '0.5'; expected a list of float32"),
    ({"observation": {"0": ROW}}, "observation", "found a mapping"),
    ({"observation": np.array([["a"] * D])}, "observation", "found an array of <U1"),
    ({"observation": np.array([[None] * D])}, "observation", "found an array of object"),
    ({"observation": np.zeros((1, D), np.longdouble)}, "observation", "found an array of"),
    ({"observation": torch.zeros(1, D, dtype=torch.int64)}, "observation", "found int64"),
    ({"observation": torch.zeros(D)}, "observation", "found shape [164]; expected 2 axes"),
    ({"observation": torch.zeros(1, 7)}, "observation[0]", "found 7 entries"),
    ({"observation": torch.zeros(0, D)}, "observation", "found a batch of 0"),
    ({"observation": torch.full((1, D), math.nan)}, "observation[0][0]", "found NaN"),
    ({"observation": [ROW], "action_mask": [[1] * 8]}, "action_mask[0][0]", "true or false"),
    (
        {"observation": [ROW], "action_mask": [[True] * 7]},
        "action_mask[0]",
        "found 7 entries; expected 8 (UP, DOWN",
    ),
    (
        {"observation": [ROW, ROW], "action_mask": [MASK, [False] * 8]},
        "action_mask[1]",
        "all false; at least one action must be legal (true)",
    ),
    (
        {"observation": [ROW, ROW], "action_mask": [MASK]},
        "action_mask",
        "found a batch of 1; observation has a batch of 2",
    ),
    ({"observation": torch.zeros(1, D), "action_mask": torch.ones(1, 8)}, "action_mask", "float32"),
    ({"observation": [ROW], "hidden_h": [[[0.0]]]}, "hidden_h", "unknown input"),
]


@pytest.mark.parametrize(("inputs", "path", "part"), WRONG)
def test_a_wrong_input_is_refused_by_name_place_and_reason(plain, inputs, path, part):
    found = problems_of(plain, inputs)
    assert path in found
    assert part in found[path]


@pytest.mark.parametrize(
    ("hidden", "path", "part"),
    [
        ({"hidden_h": [[[0.0] * 12]]}, "hidden_c", "missing; hidden_h came without it"),
        ({"hidden_c": [[[0.0] * 12]]}, "hidden_h", "missing; hidden_c came without it"),
        (
            {"hidden_h": [[[0.0] * 11]], "hidden_c": [[[0.0] * 12]]},
            "hidden_h[0][0]",
            "found 11 entries; expected 12",
        ),
        (
            {"hidden_h": torch.zeros(2, 1, 12), "hidden_c": torch.zeros(1, 1, 12)},
            "hidden_h",
            "found 2 entries; expected 1",
        ),
        (
            {"hidden_h": torch.zeros(1, 2, 12), "hidden_c": torch.zeros(1, 2, 12)},
            "hidden_h",
            "found a batch of 2; observation has a batch of 1",
        ),
    ],
)
def test_a_wrong_hidden_state_is_refused(recurrent, hidden, path, part):
    found = problems_of(recurrent, {"observation": [ROW], **hidden})
    assert path in found
    assert part in found[path]


def test_rows_of_unequal_number_along_an_inner_batch_axis_are_ragged():
    layers = Signature(
        inputs=(TensorSpec("hidden_h", "float32", (2, -1, 1)),),
        outputs=(TensorSpec("hidden_h", "float32", (2, -1, 1)),),
    )
    found = problems_of(layers, {"hidden_h": [[[0.0], [0.0]], [[0.0]]]})
    assert found == {"hidden_h[1]": "ragged: found 1 rows beside 2"}


def test_a_list_nested_ten_thousand_deep_is_refused(plain):
    deep = 0.5
    for _ in range(10_000):
        deep = [deep]
    assert problems_of(plain, {"observation": deep})


def test_many_faults_are_named_in_part(plain):
    rows = [[math.nan] * D for _ in range(100)]
    assert len(problems_of(plain, {"observation": rows})) == 20


def test_a_body_that_is_no_mapping_is_refused(plain):
    assert "expected a mapping with observation" in problems_of(plain, [ROW])["inputs"]


def test_an_input_fault_is_a_shape_error_and_a_spec_error():
    assert issubclass(InputError, ShapeError)
    assert issubclass(InputError, SpecError)


@pytest.mark.parametrize("shape", [(3, 4), (-1, -1), ()])
def test_a_tensor_needs_exactly_one_batch_axis(shape):
    with pytest.raises(SpecError, match="expected one -1"):
        TensorSpec("x", "float32", shape)
