"""Brain specs that come with plain weights: refused before anything is built."""

import math
import time
import tracemalloc

import pytest
import safetensors.torch

from hamlet.bare_weights import checkpoint_from_weights
from hamlet.errors import SpecError
from tests.brains.layouts import TINY
from tests.exporting.models import model_of

WEIGHTS = safetensors.torch.save(model_of("feedforward").network.state_dict())
LAYOUT = TINY.to_data()


def spec(fields):
    return f"architecture: {{type: feedforward, feedforward: {{{fields}}}}}"


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
WRONG = {
    "a Python object": ("!!python/object/apply:os.system [true]", "tag"),
    "a Python name": ("architecture: !!python/name:os.system {}", "tag"),
    "billion laughs": (LAUGHS, "anchors and aliases are not allowed"),
    "a merge key": ("a: &a {b: 1}\nc: {<<: *a}", "anchors and aliases are not allowed"),
    "a key given twice": ("architecture: {}\narchitecture: {}", "stands twice"),
    "a scalar of 10 MB": ("description: " + "x" * 10_000_000, "expected at most 65536"),
    "nested without end": ("[" * 10_000, "nested deeper than"),
    "an unknown field": (spec("hidden_layer: [8]"), "hidden_layer"),
    "NaN": (spec("hidden_layers: [16, 8], dropout: .nan"), "dropout"),
    "an infinite number": (spec("hidden_layers: [16, 8], dropout: 1e309"), "dropout"),
    "a negative layer": (spec("hidden_layers: [-16]"), "found -16"),
    "a layer of 10^9": (spec("hidden_layers: [1000000000]"), "found 1000000000"),
    "a number of 10,000 digits": (spec(f"hidden_layers: [{'9' * 10_000}]"), "yaml"),
    "no YAML": (b"\xff\xfe\x00", "yaml"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_hostile_brain_spec_is_refused(name):
    text, part = WRONG[name]
    started = time.monotonic()
    tracemalloc.start()
    with pytest.raises(SpecError) as caught:
        checkpoint_from_weights(WEIGHTS, text, LAYOUT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.lower() in str(caught.value).lower()
    assert len(str(caught.value)) < 2000
    assert peak < 30 * 2**20
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "change",
    [
        {"groups": []},
        {"groups": [{"name": "grid", "start": 0, "stop": 10**9, "shape": [10**9]}]},
        {"groups": [{"name": "grid", "start": 5, "stop": 10, "shape": [5]}]},
        {"actions": ["../../etc"]},
        {"actions": ["<script>"]},
        {"actions": "UP"},
        {"extra": 1},
        {"meters": [math.nan]},
    ],
)
def test_a_hostile_layout_is_refused(change):
    with pytest.raises(SpecError, match="layout"):
        checkpoint_from_weights(
            WEIGHTS, model_of("feedforward").network.spec.to_yaml(), {**LAYOUT, **change}
        )
