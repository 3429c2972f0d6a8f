"""Plain safetensors weights and a brain spec become an inference checkpoint."""

import pytest
import safetensors.torch
import torch

from hamlet.bare_weights import checkpoint_from_weights
from hamlet.checkpoint import save_inference
from hamlet.errors import CheckpointError, SpecError
from hamlet.model import HamletModel
from tests.brains.layouts import TINY
from tests.exporting.models import FAMILIES, METADATA, model_of, observations

CREATED = "2026-03-01T12:00:00Z"
LAYOUT = TINY.to_data()


def weights_of(model, **changes):
    tensors = {**model.network.state_dict(), **changes}
    return safetensors.torch.save({k: v for k, v in tensors.items() if v is not None})


def brain_of(model):
    return model.network.spec.to_yaml()


@pytest.mark.parametrize("family", FAMILIES)
def test_they_are_the_checkpoint_that_hamlet_would_have_saved(family, tmp_path):
    model = model_of(family)
    content = checkpoint_from_weights(
        weights_of(model), brain_of(model), LAYOUT, METADATA, created_at=CREATED
    )
    saved = save_inference(tmp_path / "net.safetensors", model, created_at=CREATED)
    assert content == saved.path.read_bytes()
    loaded = HamletModel.load_from_checkpoint(content)
    obs = observations(3)
    assert torch.equal(loaded.predict(obs)["q_values"], model.predict(obs)["q_values"])


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"head.bias": None}, "missing head.bias; unknown none"),
        ({"tail.bias": torch.zeros(3)}, "missing none; unknown 'tail.bias'"),
        ({"head.bias": torch.zeros(9)}, r"head.bias is torch.float32 [9]; its brain spec needs"),
        ({"head.bias": torch.zeros(8).half()}, "head.bias is torch.float16 [8]"),
        ({"head.bias": torch.full((8,), torch.nan)}, "head.bias holds NaN or infinite numbers"),
        ({"head.bias": torch.full((8,), -torch.inf)}, "holds NaN or infinite"),
    ],
)
def test_weights_that_do_not_fit_are_named(changes, part):
    model = model_of("feedforward")
    with pytest.raises(CheckpointError) as caught:
        checkpoint_from_weights(weights_of(model, **changes), brain_of(model), LAYOUT)
    assert part in str(caught.value)


def test_faults_of_spec_and_layout_are_named_together():
    model = model_of("feedforward")
    with pytest.raises(SpecError) as caught:
        checkpoint_from_weights(
            weights_of(model),
            "architecture: {type: feedforward, feedforward: {hidden_layers: [-1]}}",
            {**LAYOUT, "actions": []},
        )
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["architecture.feedforward.hidden_layers[0]", "layout.actions"]
    with pytest.raises(SpecError, match="layout: found nothing; expected a mapping"):
        checkpoint_from_weights(weights_of(model), brain_of(model), None)


def test_a_whole_checkpoint_needs_no_spec(tmp_path):
    model = model_of("feedforward")
    path = save_inference(tmp_path / "net.safetensors", model).path
    with pytest.raises(CheckpointError, match="this is a hamlet checkpoint, which says itself"):
        checkpoint_from_weights(path.read_bytes(), brain_of(model), LAYOUT)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04.", b"PK\x03\x04" * 9, (2**63).to_bytes(8, "little") + b"{}"]
)
def test_what_is_no_safetensors_file_is_refused(content):
    with pytest.raises(CheckpointError, match="weights: "):
        checkpoint_from_weights(content, brain_of(model_of()), LAYOUT)
