"""How many rows one request may bring, by the size of the network."""

import pytest
import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.errors import InputError
from hamlet.model import HamletModel
from hamlet.request_memory import MOST_REQUEST_BYTES, bytes_per_row
from tests.brains.layouts import TINY, town_layout
from tests.brains.specs import SMALL, small

WIDE_VISION = {
    "channels": [512, 512],
    "kernel_sizes": [3, 3],
    "strides": [1, 1],
    "padding": [1, 1],
    "output_size": 1,
}


def model_of(spec: BrainSpec, layout=TINY) -> HamletModel:
    return HamletModel(compile_brain(spec, layout))


@pytest.fixture(scope="module")
def large() -> HamletModel:
    """The widest convolutions over the widest view of a town."""
    spec = small("recurrent_spatial", architecture__recurrent_spatial__vision_encoder=WIDE_VISION)
    return model_of(spec, town_layout(31, "scalar"))


@pytest.mark.parametrize("family", SMALL)
def test_a_small_network_takes_4096_rows(family):
    assert model_of(small(family)).signature().most_rows == 4096


def test_a_large_network_takes_as_many_rows_as_fit_into_the_bound(large):
    # Two convolutions with their activations, one output, four encoders of 4, the head of 8;
    # an LSTM of 12 is eight numbers wide.
    inside = 2 * 2 * 512 * 31 * 31 + 3 * (1 + 4 * 4 + 8) + 8 * 12
    answered = 1 + 8 + 2 * 12  # the action, eight values, both hidden states
    assert bytes_per_row(large.network) == inside * 4 + answered * 120
    assert large.signature().most_rows == 8 == MOST_REQUEST_BYTES // bytes_per_row(large.network)


def test_an_answer_of_many_numbers_counts_too():
    changes = {"architecture__recurrent_spatial__lstm": {"hidden_size": 2048}}
    model = model_of(small("recurrent_spatial", **changes))
    assert bytes_per_row(model.network) > 2 * 2048 * 120
    assert 75 < model.signature().most_rows < 137  # as 137 times 2 x 2048 x 120 bytes are 64 MiB


def test_too_many_rows_are_refused_with_what_is_allowed_and_what_to_do(large):
    rows = {"observation": torch.zeros(9, large.network.layout.size)}
    with pytest.raises(InputError) as caught:
        large.signature().check_inputs(rows, most_rows=large.signature().most_rows)
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        (
            "observation",
            "found a batch of 9; expected 1 to 8 rows; send the others in further requests",
        )
    ]


def test_ones_own_program_may_ask_about_any_number_of_rows(large):
    rows = torch.zeros(9, large.network.layout.size)
    assert large.predict(rows)["actions"].shape == (9,)


def test_models_that_differ_in_size_alone_can_stand_in_for_each_other():
    narrow = model_of(small("feedforward"))
    wide = model_of(
        small("feedforward", architecture__feedforward__hidden_layers=[4096, 4096, 256])
    )
    assert wide.signature().most_rows < narrow.signature().most_rows
    assert wide.signature().hash == narrow.signature().hash
