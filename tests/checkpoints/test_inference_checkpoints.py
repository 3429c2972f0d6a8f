"""Inference checkpoints: what is saved answers as before, and what is not right is refused."""

import hashlib
import json

import pytest
import safetensors.torch
import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import (
    load_network,
    load_training,
    read_checkpoint,
    save_inference,
    save_training,
    training_header,
)
from hamlet.checkpoint_header import model_header
from hamlet.errors import CheckpointError
from hamlet.model import HamletModel
from hamlet.schema import content_hash
from hamlet.tensor_file import write_tensor_file
from tests.brains.layouts import L1, TINY, town_layout
from tests.brains.specs import Q_FAMILIES, SMALL, changed
from tests.checkpoints.files import (
    CREATED,
    METADATA,
    RUN_SPEC,
    model_of,
    signed,
    split,
    with_header,
)


@pytest.fixture
def saved(tmp_path):
    return save_inference(tmp_path / "lunch.safetensors", model_of(), created_at=CREATED)


def refusal_of(source, **arguments):
    with pytest.raises(CheckpointError) as caught:
        HamletModel.load_from_checkpoint(source, **arguments)
    return str(caught.value)


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_a_loaded_model_answers_bit_for_bit_as_the_saved_one(tmp_path, family):
    model = model_of(family)
    path = save_inference(tmp_path / "model.safetensors", model).path
    loaded = HamletModel.load_from_checkpoint(path)
    obs = torch.rand(4, TINY.size, generator=torch.Generator().manual_seed(5))
    assert torch.equal(loaded.predict(obs)["q_values"], model.predict(obs)["q_values"])
    assert loaded.signature() == model.signature()
    assert loaded.metadata == METADATA
    assert loaded.adapter == "town"
    assert not loaded.network.training
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


@pytest.mark.parametrize("rows", [1, 3])
def test_a_loaded_model_of_full_size_answers_bit_for_bit_too(tmp_path, rows):
    spec = BrainSpec.from_data({"architecture": {"type": "dueling"}})
    model = HamletModel(compile_brain(spec, L1))
    path = save_inference(tmp_path / "model.safetensors", model).path
    obs = torch.rand(rows, L1.size, generator=torch.Generator().manual_seed(5))
    for source in (path, path.read_bytes()):
        loaded = HamletModel.load_from_checkpoint(source)
        assert torch.equal(loaded.predict(obs)["q_values"], model.predict(obs)["q_values"])
        # The last bits of a product depend on where its numbers begin.
        assert {weight.data_ptr() % 64 for weight in loaded.network.parameters()} == {0}


def test_bytes_and_text_paths_load_as_paths_do(saved):
    for source in (saved.path.read_bytes(), str(saved.path)):
        assert HamletModel.load_from_checkpoint(source).metadata == METADATA


def test_the_header_says_what_the_specification_asks(saved):
    header = read_checkpoint(saved.path).header
    model = model_of()
    assert header == {
        "format_version": "inference_v1",
        "created_at": CREATED,
        "brain_spec": model.network.spec.data,
        "brain_spec_hash": model.network.spec.hash,
        "layout": TINY.to_data(),
        "layout_hash": TINY.hash,
        "action_names": list(TINY.actions),
        "adapter": "town",
        "metadata": METADATA,
    }


def test_size_and_hash_are_those_of_the_file(saved):
    data = saved.path.read_bytes()
    assert saved.size == len(data)
    assert saved.sha256 == hashlib.sha256(data).hexdigest()


def test_the_same_model_and_time_give_the_same_bytes(saved, tmp_path):
    again = save_inference(tmp_path / "again.safetensors", model_of(), created_at=CREATED)
    assert again.sha256 == saved.sha256
    later = save_inference(tmp_path / "later.safetensors", model_of())
    assert later.sha256 != saved.sha256


def test_the_safetensors_library_reads_our_files(saved):
    theirs = safetensors.torch.load_file(saved.path)
    ours = model_of().network.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


HEADER_FIELDS = (
    "format_version",
    "created_at",
    "brain_spec",
    "brain_spec_hash",
    "layout",
    "layout_hash",
    "action_names",
    "adapter",
    "metadata",
)


def training_file(tmp_path):
    """A training checkpoint from which a model can be loaded."""
    model = model_of()
    state = {"online": model.network.state_dict()}
    header = training_header(RUN_SPEC, model, state)
    return save_training(tmp_path / "run.safetensors", state, header).path


@pytest.mark.parametrize("kind", ["inference", "training"])
@pytest.mark.parametrize("field", HEADER_FIELDS)
def test_a_header_without_a_field_is_refused_by_its_path(saved, tmp_path, kind, field):
    path = saved.path if kind == "inference" else training_file(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        HamletModel.load_from_checkpoint(
            with_header(path.read_bytes(), lambda header: header.pop(field))
        )
    expected = "does not say" if field == "format_version" else f"header.{field}: missing"
    assert expected in str(caught.value)


@pytest.mark.parametrize("kind", ["inference", "training"])
@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("created_at", "yesterday", "header.created_at: found 'yesterday'; expected ISO 8601"),
        ("created_at", 5, "header.created_at: found 5"),
        ("created_at", None, "header.created_at: found nothing"),
        ("adapter", 7, "header.adapter: found 7; expected text"),
        ("adapter", "x" * 300, "header.adapter: found 300 characters; expected at most 200"),
        ("metadata", None, "header.metadata: found nothing; expected a mapping"),
        ("metadata", [1], "header.metadata: found a list of 1; expected a mapping"),
        ("metadata", {"a": [1, {"b": "INFINITE"}]}, "header.metadata.a[1].b: found a number that"),
        ("brain_spec", [], "header.brain_spec: found a list of 0"),
        ("brain_spec_hash", None, "header.brain_spec_hash: found nothing"),
        ("layout", "L0", "header.layout: found 'L0'"),
        ("layout_hash", 1, "header.layout_hash: found 1"),
        ("action_names", [1], "header.action_names[0]: found 1; expected text"),
    ],
)
def test_a_header_field_of_another_kind_is_refused(saved, tmp_path, kind, field, value, part):
    path = saved.path if kind == "inference" else training_file(tmp_path)
    data = with_header(
        path.read_bytes(),
        lambda header: header.update({field: value}),
        spell=lambda text: text.replace('"INFINITE"', "1e999"),
    )
    with pytest.raises(CheckpointError) as caught:
        HamletModel.load_from_checkpoint(data)
    assert part in str(caught.value)


def test_a_model_may_have_no_adapter(saved):
    data = with_header(saved.path.read_bytes(), lambda header: header.update(adapter=None))
    assert HamletModel.load_from_checkpoint(data).metadata == METADATA


@pytest.mark.parametrize("depth", [250, 900, 990, 1500, 100_000])
def test_a_header_nested_deeply_is_refused(saved, depth):
    nested = "[" * depth + "]" * depth
    data = with_header(
        saved.path.read_bytes(),
        lambda header: header["metadata"].update(deep="HERE"),
        spell=lambda text: text.replace('"HERE"', nested),
    )
    with pytest.raises(CheckpointError, match="nested deeper than 200"):
        HamletModel.load_from_checkpoint(data)


def test_metadata_that_could_not_be_read_back_is_not_written(tmp_path):
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(CheckpointError, match="nested deeper than 200"):
        save_inference(tmp_path / "deep.safetensors", model_of(), {"deep": deep})
    assert list(tmp_path.iterdir()) == []


def test_a_bare_network_can_be_saved_with_metadata(tmp_path):
    network = compile_brain(changed(SMALL["dueling"], {}), TINY)
    path = save_inference(tmp_path / "bare.safetensors", network, {"level": "L0"}).path
    assert HamletModel.load_from_checkpoint(path).metadata == {"level": "L0"}


def test_loading_a_network_leaves_the_global_generator_alone(saved):
    before = torch.get_rng_state()
    load_network(saved.path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_network_that_is_trained_on_draws_its_dropout_apart(tmp_path):
    spec = changed(SMALL["dueling"], {"architecture.dueling.dropout": 0.5})
    path = save_inference(tmp_path / "model.safetensors", compile_brain(spec, TINY)).path
    obs = torch.ones(2, TINY.size)
    before = torch.get_rng_state()
    first, second = (load_network(path)[0].train()(obs)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_layout_is_refused_and_the_differing_groups_are_named(saved):
    assert HamletModel.load_from_checkpoint(saved.path, layout=TINY)
    message = refusal_of(saved.path, layout=town_layout(3, "scalar"))
    assert "lunch.safetensors: made for another observation" in message
    assert "group grid: 0:135 [15, 3, 3] against 0:9 [3, 3]" in message
    assert "grid_encoding: planes against scalar" in message


def _bad_hash(inner):
    inner["brain_spec_hash"] = "sha256:" + "0" * 64


def _other_spec(inner):
    inner["brain_spec"]["architecture"]["dueling"]["shared_layers"] = [16, 9]


def _other_spec_with_hash(inner):
    spec = changed(SMALL["dueling"], {"architecture.dueling.shared_layers": [16, 9]})
    inner.update(brain_spec=spec.data, brain_spec_hash=spec.hash)


def _other_family(inner):
    spec = changed(SMALL["feedforward"], {})
    inner.update(brain_spec=spec.data, brain_spec_hash=spec.hash)


def _other_layout(inner):
    inner.update(layout=L1.to_data(), layout_hash=L1.hash)


def _other_layout_hash(inner):
    inner["layout_hash"] = L1.hash


def _other_actions(inner):
    inner["action_names"] = inner["action_names"][::-1]


def _gap_in_layout(inner):
    inner["layout"]["groups"][1]["start"] += 1


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_bad_hash, "brain_spec_hash is 'sha256:000"),
        (_other_spec, "its brain_spec hashes to sha256:"),
        (_other_spec_with_hash, "its brain spec needs torch.float32 [8, 9]"),
        (_other_family, "the weights are not those of its brain spec: missing body.0.bias"),
        (_other_layout, "shared.0.weight is torch.float32 [16, 164]"),
        (_other_layout_hash, "layout_hash is"),
        (_other_actions, "action_names differ"),
        (_gap_in_layout, "its layout hashes to sha256:"),
        (lambda inner: inner.pop("brain_spec"), "header.brain_spec: missing"),
        (lambda inner: inner.update(metadata=7), "header.metadata: found 7; expected a mapping"),
        (lambda inner: inner.update(extra=1), "header.extra: unknown field"),
        (lambda inner: inner.update(format_version="training_v1"), "does not say format_version"),
    ],
)
def test_a_header_that_does_not_hold_is_refused_though_its_digest_fits(saved, change, part):
    assert part in refusal_of(with_header(saved.path.read_bytes(), change))


def test_a_brain_spec_that_breaks_its_schema_is_refused_with_its_path(saved):
    def change(inner):
        inner["brain_spec"]["architecture"]["dueling"]["shared_layers"] = [10**9]
        inner["brain_spec_hash"] = content_hash(inner["brain_spec"])

    message = refusal_of(with_header(saved.path.read_bytes(), change))
    assert "architecture.dueling.shared_layers[0]: found 1000000000" in message


def test_a_spec_with_defaults_left_out_is_refused(saved):
    def change(inner):
        del inner["brain_spec"]["q_learning"]
        inner["brain_spec_hash"] = content_hash(inner["brain_spec"])

    assert "not written out in full" in refusal_of(with_header(saved.path.read_bytes(), change))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_on_saving_and_on_loading(tmp_path, number):
    model = model_of()
    with torch.no_grad():
        model.network.shared[0].weight[3, 7] = number
    with pytest.raises(CheckpointError, match=r"shared\.0\.weight holds NaN or infinite"):
        save_inference(tmp_path / "broken.safetensors", model)
    assert list(tmp_path.iterdir()) == []

    header = {"format_version": "inference_v1", "created_at": CREATED, **model_header(model, {})}
    path = tmp_path / "forged.safetensors"
    write_tensor_file(
        path,
        model.network.state_dict(),
        {"format_version": "inference_v1", "header": json.dumps(header)},
    )
    assert "shared.0.weight holds NaN or infinite numbers" in refusal_of(path)


@pytest.mark.parametrize("metadata", [{"a": {1, 2}}, {"a": float("nan")}, {"a": torch.zeros(1)}])
def test_metadata_that_is_not_plain_is_refused(tmp_path, metadata):
    with pytest.raises(CheckpointError, match="only plain, finite data"):
        save_inference(tmp_path / "model.safetensors", model_of(), metadata)
    assert list(tmp_path.iterdir()) == []


def test_a_date_that_is_none_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="expected ISO 8601"):
        save_inference(tmp_path / "model.safetensors", model_of(), created_at="yesterday")


def test_an_inference_checkpoint_is_no_place_to_go_on_from(saved):
    with pytest.raises(CheckpointError, match="this is an inference checkpoint"):
        load_training(saved.path)


def test_a_newer_format_says_what_this_version_reads(saved):
    outer, numbers = split(saved.path.read_bytes())
    outer["__metadata__"]["format_version"] = "inference_v2"
    message = refusal_of(signed(outer, numbers))
    assert "found format_version 'inference_v2'; this hamlet reads inference_v1 and" in message
