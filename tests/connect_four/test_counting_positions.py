"""How many positions there are at each ply: exact numbers that a wrong rule cannot reproduce.

Source: OEIS A212693 for the distinct positions; the first plies can be checked by hand.
"""

import torch

from hamlet.envs.connect_four import bits
from hamlet.envs.connect_four.batch import ConnectFourBatch
from tests.connect_four.positions import random_positions

PLIES = range(9)
DISTINCT = [1, 7, 49, 238, 1_120, 4_263, 16_422, 54_859, 184_275]
UP_TO_MIRROR = [1, 4, 25, 121, 568, 2_144, 8_231, 27_473, 92_244]
SEQUENCES = [1, 7, 49, 343, 2_401, 16_807, 117_649, 823_536, 5_673_234]
WON_BY_THE_LAST_MOVE = [0, 0, 0, 0, 0, 0, 0, 728, 1_892]


def successors(
    batch: ConnectFourBatch, ways: torch.Tensor
) -> tuple[ConnectFourBatch, torch.Tensor]:
    """The distinct positions one ply on, and in how many ways each is reached.

    ways: [N] number of move sequences that lead to each game of the batch.
    """
    game, column = batch.legal().nonzero(as_tuple=True)
    after = batch.clone(game)
    after.step(column)
    keys, place = after.keys().unique(return_inverse=True)
    first = torch.empty(len(keys), dtype=torch.int64)
    first[place] = torch.arange(len(place))
    counted = torch.zeros(len(keys), dtype=torch.int64).index_add_(0, place, ways[game])
    return after.clone(first), counted


def test_positions_and_move_sequences_by_ply_are_the_known_numbers():
    batch, ways = ConnectFourBatch(1), torch.ones(1, dtype=torch.int64)
    found = []
    for _ in PLIES:
        up_to_mirror = len(batch.canonical_keys().unique())
        won = int((batch.winner > 0).sum())
        found.append((batch.num_games, up_to_mirror, int(ways.sum()), won))
        batch, ways = successors(batch, ways)
    expected = zip(DISTINCT, UP_TO_MIRROR, SEQUENCES, WON_BY_THE_LAST_MOVE, strict=True)
    assert found == list(expected)


def test_compiled_rules_are_those_of_the_reference():
    for position in random_positions(500, seed=11):
        own, occupied = position.own, position.occupied
        assert bits.count(occupied) == position.ply
        assert bits.key(own, occupied) == position.key
        assert bits.canonical_key(own, occupied) == position.canonical_key
        assert bits.mirrored(own) == position.mirror().own
        assert bits.has_four(position.other) == (position.winner > 0)
        if not position.ended:
            playable = [bool(bits.playable(occupied) & bits.cells_of(c)) for c in range(7)]
            assert playable == position.legal()
            wins = bits.winning_cells(own, occupied) & bits.playable(occupied)
            assert [bool(wins & bits.cells_of(column)) for column in range(7)] == [
                legal and position.play(column).winner > 0
                for column, legal in enumerate(position.legal())
            ]
