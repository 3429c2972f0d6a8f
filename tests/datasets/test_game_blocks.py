"""Blocks of games: compressed, complete, and safe to open."""

import numpy as np
import pytest
import zstandard

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.game_blocks import read_block, write_block
from hamlet.datasets.game_records import write_game
from tests.datasets.random_games import game, random_games


def test_games_come_back_with_their_search_data():
    games = [*random_games(40, seed=1, search=True), *random_games(10, seed=2)]
    back = read_block(write_block(games))
    assert [write_game(one) for one in back] == [write_game(one) for one in games]
    assert back[45].visits is None
    assert back[0].visits.dtype == np.int32


def test_same_games_give_the_same_bytes():
    assert write_block(random_games(5, 3, search=True)) == write_block(
        random_games(5, 3, search=True)
    )


def test_block_is_much_smaller_than_its_records():
    games = random_games(200, seed=4)
    records = sum(len(str(write_game(one))) for one in games)
    assert len(write_block(games)) < records / 5


def test_empty_block_is_refused():
    with pytest.raises(DatasetError, match="found no games"):
        write_block([])


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_block_is_refused(content):
    with pytest.raises(DatasetError, match="damaged"):
        read_block(content)


def test_changed_block_is_refused():
    content = bytearray(write_block(random_games(3, seed=5)))
    content[-20] ^= 1
    with pytest.raises(DatasetError, match="damaged"):
        read_block(bytes(content))


def test_size_is_judged_before_memory_is_taken():
    bomb = zstandard.ZstdCompressor().compress(bytes(10 * 2**20))
    assert len(bomb) < 2000
    with pytest.raises(DatasetError, match="10485760 bytes unpacked; expected at most 1000000"):
        read_block(bomb, most_bytes=1_000_000)


def test_block_that_does_not_say_its_size_is_refused():
    packer = zstandard.ZstdCompressor(write_content_size=False)
    with pytest.raises(DatasetError, match="does not say how large"):
        read_block(packer.compress(b"x" * 1000))


def test_game_that_the_board_contradicts_is_found_in_a_block():
    wrong = game("1212121", 2)
    with pytest.raises(DatasetError, match=r"games\[0\].result: found winner Yellow"):
        read_block(write_block([wrong]))
