"""Compiling: sizes from the layout, first weights from the seed, and bounds before memory."""

import pytest
import torch

from hamlet.brains import FAMILIES, BrainSpec, blueprint, compile_brain
from hamlet.errors import SpecError
from tests.brains.layouts import L1, TINY, WINDOW, layout_of, town_layout
from tests.brains.specs import Q_FAMILIES, SMALL, changed, small

OTHERS = [("position", (2,)), ("meters", (8,)), ("underfoot", (15,)), ("clock", (4,))]


def brain(family, layout, **generator):
    return compile_brain(
        BrainSpec.from_data({"architecture": {"type": family}}), layout, **generator
    )


def problem_of(spec, layout):
    with pytest.raises(SpecError) as caught:
        compile_brain(spec, layout)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("family", "side", "encoding", "count"),
    [
        ("feedforward", 8, "scalar", 58_760),
        ("feedforward", 8, "planes", 288_136),
        ("dueling", 8, "scalar", 91_913),
        ("dueling", 8, "planes", 321_289),
        ("recurrent_spatial", 5, "scalar", 669_672),
        ("recurrent_spatial", 5, "planes", 671_688),
    ],
)
def test_default_brains_have_the_specified_number_of_parameters(family, side, encoding, count):
    network = brain(family, town_layout(side, encoding))
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert network.parameter_count == count


def test_a_compiled_brain_says_what_it_was_made_from():
    spec = small("dueling")
    network = compile_brain(spec, TINY)
    assert (network.spec, network.layout, network.hash) == (spec, TINY, spec.hash)
    assert [FAMILIES[name].network.is_recurrent for name in Q_FAMILIES] == [False, False, True]


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_one_seed_gives_the_same_weights_and_another_seed_others(family):
    def weights(seed):
        generator = torch.Generator().manual_seed(seed)
        return compile_brain(small(family), TINY, generator=generator).state_dict()

    first, again, other = weights(5), weights(5), weights(6)
    assert all(torch.equal(first[name], again[name]) for name in first)
    drawn = [name for name in first if first[name].unique().numel() > 1]
    assert drawn
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_without_a_generator_the_weights_are_those_of_seed_zero():
    seeded = compile_brain(small("dueling"), TINY, generator=torch.Generator().manual_seed(0))
    plain = compile_brain(small("dueling"), TINY)
    for one, other in zip(seeded.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_compiling_leaves_the_global_generator_alone(family):
    before = torch.get_rng_state()
    compile_brain(small(family), TINY)
    assert torch.equal(torch.get_rng_state(), before)


def test_first_weights_are_uniform_within_the_root_of_the_inputs():
    network = brain("feedforward", L1)
    weight = network.body[0].weight.detach()
    bound = 989**-0.5
    assert weight.abs().max() <= bound
    # The standard deviation of a uniform distribution is its half width over the root of 3.
    assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.01)
    assert torch.equal(network.body[1].weight, torch.ones(256))
    assert torch.equal(network.body[1].bias, torch.zeros(256))


def test_a_network_beyond_fifty_million_parameters_is_refused_by_its_count():
    sizes = [4096] * 5
    spec = changed(
        {"architecture": {"type": "feedforward"}}, {"architecture.feedforward.hidden_layers": sizes}
    )
    problem = problem_of(spec, L1)
    weights = 989 * 4096 + 4 * 4096 * 4096 + 4096 * 8
    others = 5 * (4096 + 2 * 4096) + 8
    assert problem.path == "architecture.feedforward"
    assert f"found {weights + others:,} parameters" in problem.message
    assert "at most 50,000,000" in problem.message


def test_measuring_a_network_takes_no_memory_for_its_weights():
    network = blueprint(small("recurrent_spatial"), TINY)
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}


@pytest.mark.parametrize(
    ("family", "changes", "path"),
    [
        ("dueling", {"replay.capacity": 10_000_000}, "replay.capacity"),
        (
            "recurrent_spatial",
            {
                "replay.capacity": 500_000,
                "replay.batch_size": 16_384,
                "replay.burn_in": 512,
                "replay.sequence_length": 512,
            },
            "replay.batch_size",
        ),
    ],
)
def test_a_replay_that_fits_no_memory_is_refused_with_its_size(family, changes, path):
    problem = problem_of(changed(SMALL[family], changes), L1)
    assert problem.path == path
    assert "GiB; expected at most 8 GiB" in problem.message


@pytest.mark.parametrize(
    ("vision", "path", "part"),
    [
        (
            {"kernel_sizes": [9, 3]},
            "architecture.recurrent_spatial.vision_encoder.kernel_sizes[0]",
            "too large for 5x5 cells",
        ),
        (
            {"kernel_sizes": [5, 5], "padding": [0, 0]},
            "architecture.recurrent_spatial.vision_encoder.kernel_sizes[1]",
            "too large for 1x1 cells",
        ),
    ],
)
def test_a_convolution_larger_than_the_view_is_refused(vision, path, part):
    data = {"architecture": {"type": "recurrent_spatial"}}
    spec = changed(data, {"architecture.recurrent_spatial.vision_encoder": vision})
    problem = problem_of(spec, WINDOW)
    assert problem.path == path
    assert part in problem.message


def test_feature_maps_of_absurd_size_are_refused():
    data = {"architecture": {"type": "recurrent_spatial"}}
    vision = {"channels": [512, 1], "output_size": 1}
    spec = changed(data, {"architecture.recurrent_spatial.vision_encoder": vision})
    problem = problem_of(spec, layout_of([("grid", (1, 200, 200)), *OTHERS], "planes"))
    assert problem.path == "architecture.recurrent_spatial.vision_encoder.channels[0]"
    assert "512x200x200" in problem.message


@pytest.mark.parametrize(
    ("groups", "path", "part"),
    [
        (OTHERS, "vision_encoder.type", "use none"),
        ([("grid", (25,)), *OTHERS], "vision_encoder.type", "use none"),
        ([("grid", (5, 5)), *OTHERS[:3]], "clock_encoder", "has no group clock"),
        (
            [("grid", (5, 5)), *OTHERS, ("zone", (3,))],
            "zone_encoder",
            "nothing here encodes the group zone",
        ),
    ],
)
def test_a_layout_that_the_encoders_do_not_cover_is_refused(groups, path, part):
    problem = problem_of(small("recurrent_spatial"), layout_of(groups, "scalar"))
    assert problem.path == f"architecture.recurrent_spatial.{path}"
    assert part in problem.message


def test_without_vision_a_layout_needs_no_grid():
    spec = BrainSpec.from_data(
        {"network": {"type": "recurrent", "vision_encoder": {"type": "none"}}}
    )
    network = compile_brain(spec, layout_of(OTHERS, "scalar"))
    q_values, _ = network(torch.zeros(2, 29))
    assert q_values.shape == (2, 8)
