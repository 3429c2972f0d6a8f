"""From a brain spec and a layout to a network."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hamlet.brains.network import CompiledBrain, initialise
from hamlet.brains.spec import BrainSpec
from hamlet.errors import Problem, SpecError
from hamlet.layout import ObservationLayout

MOST_PARAMETERS = 50_000_000
MOST_OBSERVATION_BYTES = 8 * 2**30  # of one replay buffer, or of one batch
FLOAT_BYTES = 4


def compile_brain(
    spec: BrainSpec, layout: ObservationLayout, *, generator: torch.Generator | None = None
) -> CompiledBrain:
    """Build the network that a spec describes, for observations of one layout.

    Args:
        generator: draws the first weights and seeds the dropout masks. It stands on the CPU.
            Without one the weights are those of seed 0. The global generator is not touched.
    Returns: the network on the CPU, in training mode.
    Raises: SpecError where spec and layout do not fit or the network would be too large; it is
        measured before any memory is taken.
    """
    network = blueprint(spec, layout).to_empty(device="cpu")
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    initialise(network, generator)
    network.seed_dropout(generator)
    return network


def blueprint(spec: BrainSpec, layout: ObservationLayout) -> CompiledBrain:
    """The network with shapes and names but without memory, on the meta device.

    Raises: SpecError as `compile_brain` does.
    """
    block_path = f"architecture.{spec.type}"
    problems = [
        Problem(f"{block_path}.{problem.path}", problem.message)
        for problem in spec.family.check_layout(spec.block, layout)
    ]
    problems += _memory_problems(spec, layout)
    if problems:
        raise SpecError(problems)
    with torch.device("meta"):
        network = spec.family.network(spec, layout)
    if network.parameter_count > MOST_PARAMETERS:
        message = (
            f"found {network.parameter_count:,} parameters for {layout.size} inputs; expected at "
            f"most {MOST_PARAMETERS:,}; make its layers smaller or fewer"
        )
        raise SpecError([Problem(block_path, message)])
    return network


def _memory_problems(spec: BrainSpec, layout: ObservationLayout) -> Iterator[Problem]:
    replay = spec.data.get("replay")
    if replay is None:
        return
    steps = replay.get("burn_in", 0) + replay.get("sequence_length", 1)
    for name, count in (("capacity", 1), ("batch_size", steps)):
        needed = replay[name] * count * layout.size * FLOAT_BYTES
        if needed > MOST_OBSERVATION_BYTES:
            message = (
                f"found {replay[name]}; its observations of {layout.size} numbers would need "
                f"{needed / 2**30:.1f} GiB; expected at most {MOST_OBSERVATION_BYTES // 2**30} GiB"
            )
            yield Problem(f"replay.{name}", message)
