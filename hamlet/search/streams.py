"""Random numbers for compiled code: one stream per game, the whole state of which is one int64.

A game that owns its stream is played the same whoever plays beside it, and goes on the same after
it was saved and loaded.

Source: G. Steele, D. Lea and C. Flood 2014, "Fast splittable pseudorandom number generators"
(SplitMix64); G. Marsaglia and W. Tsang 2000, "A simple method for generating gamma variables".
"""

from __future__ import annotations

import math

import numpy as np

from hamlet.compiled import compiled
from hamlet.learning.randomness import derived_seed

# The constants of SplitMix64 as signed numbers: int64 and uint64 together would become floats.
STEP = 0x9E3779B97F4A7C15 - (1 << 64)
FIRST_FACTOR = 0xBF58476D1CE4E5B9 - (1 << 64)
SECOND_FACTOR = 0x94D049BB133111EB - (1 << 64)
TO_UNIT = 1.0 / (1 << 53)


def streams_of(seed: int, purpose: str, numbers: range) -> np.ndarray:
    """int64 [len(numbers)]: one stream for each number, whatever others are asked for; streams of
    different purposes are unrelated."""
    states = [derived_seed(seed, f"{purpose}/{number}") for number in numbers]
    return np.array(states, dtype=np.int64)


@compiled
def mixed(state: int) -> int:
    # Shifts of an int64 bring copies of its sign in; the masks take them out again.
    state = (state ^ ((state >> 30) & 0x3FFFFFFFF)) * FIRST_FACTOR
    state = (state ^ ((state >> 27) & 0x1FFFFFFFFF)) * SECOND_FACTOR
    return state ^ ((state >> 31) & 0x1FFFFFFFF)


@compiled
def uniform(streams: np.ndarray, row: int) -> float:
    """The next number of a stream, in (0, 1): never 0, so that its logarithm is finite."""
    streams[row] += STEP
    return (((mixed(streams[row]) >> 11) & 0x1FFFFFFFFFFFFF) + 0.5) * TO_UNIT


@compiled
def below(streams: np.ndarray, row: int, count: int) -> int:
    """A whole number in [0, count), count at most 2**31."""
    streams[row] += STEP
    high = (mixed(streams[row]) >> 32) & 0xFFFFFFFF
    return (high * count) >> 32


@compiled
def normal(streams: np.ndarray, row: int) -> float:
    """By Box and Muller; the second number of the pair is not kept, which keeps the state small."""
    radius = math.sqrt(-2.0 * math.log(uniform(streams, row)))
    return radius * math.cos(2.0 * math.pi * uniform(streams, row))


@compiled
def gumbel(streams: np.ndarray, row: int) -> float:
    return -math.log(-math.log(uniform(streams, row)))


@compiled
def gamma(streams: np.ndarray, row: int, shape: float) -> float:
    """A number of the gamma distribution with scale 1; shape > 0."""
    if shape == 1.0:
        return -math.log(uniform(streams, row))
    if shape < 1.0:  # from shape + 1, as in section 6 of the source
        boost = uniform(streams, row) ** (1.0 / shape)
        shape += 1.0
    else:
        boost = 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal(streams, row)
        v = (1.0 + c * x) ** 3
        if v > 0.0 and math.log(uniform(streams, row)) < 0.5 * x * x + d - d * v + d * math.log(v):
            return boost * d * v
