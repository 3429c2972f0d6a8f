"""How many rows one request may bring, so that its answer takes a bounded amount of memory."""

from __future__ import annotations

import math

from hamlet.brains import CompiledBrain
from hamlet.signature import MOST_ROWS

MOST_REQUEST_BYTES = 64 * 2**20
FLOAT_BYTES = 4
# A number of an answer is a tensor's (4 bytes), then Python's (24, and 8 for its place in a list),
# then text of up to 25 letters, which is put together and encoded.
ANSWER_BYTES = 120


def bytes_per_row(network: CompiledBrain) -> int:
    """What one row takes on its way through the network and out as JSON.

    What comes in is bounded by the size of a body, whatever the network.
    """
    activations = network.spec.family.activations(network.spec.block, network.layout)
    # The batch stands as -1 in a shape: the product's size is that of one row.
    answered = sum(abs(math.prod(spec.shape)) for spec in network.output_specs())
    return sum(activations.values()) * FLOAT_BYTES + answered * ANSWER_BYTES


def most_rows(network: CompiledBrain) -> int:
    """MOST_ROWS for a small network, fewer for a large one, and always one."""
    return max(1, min(MOST_ROWS, MOST_REQUEST_BYTES // bytes_per_row(network)))
