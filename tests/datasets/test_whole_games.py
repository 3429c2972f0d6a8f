"""Learners that need whole games get them, or hear which example stands alone."""

import json

import numpy as np
import pytest

from hamlet.datasets.building import build_dataset
from hamlet.datasets.game_lines import read_games, write_games
from hamlet.datasets.game_records import write_game
from hamlet.datasets.games import mirrored_game
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.rows import FLIPPED
from hamlet.datasets.stored import open_dataset
from hamlet.datasets.whole_games import whole_games
from hamlet.errors import InputError, SpecError
from tests.datasets.random_games import random_games


def examples(moves: str, name: str | None = "g") -> list[dict]:
    return [
        {"board": moves[:ply], "move": int(moves[ply]) - 1, "value": 0}
        | ({} if name is None else {"game_id": name, "ply": ply})
        for ply in range(len(moves))
    ]


def test_examples_in_any_order_become_games():
    sent = [*examples("1212121", "won"), *examples("445", "resigned")]
    order = np.random.default_rng(1).permutation(len(sent))
    rows, ids = read_examples([sent[place] for place in order])
    games = whole_games(rows, ids)
    assert sorted((len(game.index), game.ended) for game in games) == [(3, False), (7, True)]
    for game in games:
        stones = np.bitwise_count(rows["occupied"][game.index]).tolist()
        assert stones == list(range(len(game.index)))


def test_game_may_begin_after_an_opening():
    rows, ids = read_examples(examples("44556")[2:])
    assert [len(game.index) for game in whole_games(rows, ids)] == [3]


def test_loose_example_is_named():
    rows, ids = read_examples([*examples("44"), *examples("1", None)])
    with pytest.raises(InputError, match=r"examples\[2\]: belongs to no game.*needs whole games"):
        whole_games(rows, ids)


def test_gap_is_named():
    sent = examples("4455")
    rows, ids = read_examples([sent[0], sent[1], sent[3]])
    message = r"examples\[2\]: game g: expected the position after the move of ply 1, found another"
    with pytest.raises(InputError, match=message):
        whole_games(rows, ids)


def test_move_that_does_not_lead_to_the_next_position_is_named():
    sent = examples("4455")
    sent[2]["move"] = 0
    rows, ids = read_examples(sent)
    with pytest.raises(InputError, match=r"examples\[3\]: game g"):
        whole_games(rows, ids)


def test_dataset_without_deduplication_gives_its_games_and_their_copies_back(tmp_path):
    games = random_games(30, seed=1)
    options = {"deduplicate": False, "augment": {"flip": True, "noise": True}}
    build_dataset(tmp_path / "d", games, options)
    ((rows, ids),) = open_dataset(tmp_path / "d").shards()
    found = whole_games(rows, ids)
    assert sorted(len(game.index) for game in found) == sorted(3 * [one.plies for one in games])
    assert all(game.ended for game in found)


@pytest.mark.parametrize("augment", [{}, {"flip": True}])
def test_mirrored_copies_of_games_are_games_of_their_own(tmp_path, augment):
    games = random_games(10, seed=1)
    images = [mirrored_game(one, f"image-{one.id}") for one in games]
    options = {"deduplicate": False, "augment": augment}
    build_dataset(tmp_path / "d", [*images, *games], options)
    ((rows, ids),) = open_dataset(tmp_path / "d").shards()
    found = whole_games(rows, ids)
    each = 2 * (1 + len(augment))
    assert sorted(len(game.index) for game in found) == sorted(each * [one.plies for one in games])
    # What is no copy is what was played.
    assert (rows["copy"] == 0).sum() == sum(one.plies for one in games)
    for game in found:
        moves = tuple(rows["move"][game.index].tolist())
        straight = (rows["copy"][game.index[0]] & FLIPPED) == 0
        name = ids[rows["game"][game.index[0]]]
        played = next(one.moves for one in games if one.id == name)
        assert moves == (played if straight else tuple(6 - column for column in played))


def test_games_travel_as_lines():
    games = random_games(20, seed=2, search=True)
    lines = [line.decode() for line in write_games(games)]
    assert [write_game(one) for one in read_games(["\n", *lines])] == [
        write_game(one) for one in games
    ]


def test_lines_may_begin_with_a_byte_order_mark():
    (line,) = write_games(random_games(1, seed=2))
    assert len(list(read_games(["\ufeff" + line.decode()]))) == 1


def test_wrong_line_is_named():
    (record,) = map(write_game, random_games(1, seed=3))
    wrong = record | {"result": {"winner": "Blue"}}
    with pytest.raises(SpecError, match="line 2.result.winner: found 'Blue'"):
        list(read_games([json.dumps(record), json.dumps(wrong)]))
    with pytest.raises(InputError, match="line 1: not JSON"):
        list(read_games(["{"]))
