"""Moves of a game in 3 bits each."""

import random

import pytest

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.packing import pack_moves, unpack_moves


@pytest.mark.parametrize("length", range(43))
def test_every_length_comes_back(length):
    draw = random.Random(length)
    for _ in range(20):
        columns = [draw.randrange(7) for _ in range(length)]
        packed = pack_moves(columns)
        assert unpack_moves(packed) == columns
        assert len(packed) == (3 * length + 7) // 8


def test_bytes_worked_by_hand():
    # 3, 3, 4 = 011 011 100, and seven bits of 1 to fill the second byte.
    assert pack_moves([3, 3, 4]) == bytes([0b01101110, 0b01111111])


@pytest.mark.parametrize("columns", [[7], [-1], [True], [1.0], [0] * 43])
def test_what_is_no_game_is_not_packed(columns):
    with pytest.raises(DatasetError):
        pack_moves(columns)


@pytest.mark.parametrize("packed", [b"\xff", b"\x00\x00" * 9, bytes([0b01111101]), b"\x6e\x7f\xff"])
def test_bytes_that_are_no_packed_game_are_refused(packed):
    with pytest.raises(DatasetError, match="not the packed moves"):
        unpack_moves(packed)
