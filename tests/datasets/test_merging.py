"""One position met twice becomes one example, and so does its mirror image."""

import numpy as np
import pytest

from hamlet.datasets.merging import merged
from hamlet.datasets.rows import FLIPPED, SEVERAL, SOURCES, canonical_keys_of, empty_rows, flipped
from hamlet.envs.connect_four.position import Position


def row(moves: str, *, policy=None, **fields) -> np.ndarray:
    position = Position.after([int(digit) - 1 for digit in moves])
    one = empty_rows(1)
    one["own"], one["occupied"] = position.own, position.occupied
    one["policy"] = np.eye(7)[fields.get("move", 0)] if policy is None else policy
    for name, value in fields.items():
        one[name] = value
    return one


def test_value_and_policy_are_means_by_weight_and_weight_is_the_sum():
    rows = np.concatenate(
        [
            row("1", value=1, weight=1, move=2, outcome=1, game=4),
            row("1", value=-1, weight=3, move=3, outcome=-1, game=5),
        ]
    )
    (one,) = merged(rows)
    assert one["value"] == -0.5
    assert one["weight"] == 4
    assert one["policy"].tolist() == [0, 0, 0.25, 0.75, 0, 0, 0]
    assert (one["move"], one["outcome"]) == (3, -1)  # those with the most weight
    assert (one["count"], one["spread"]) == (2, 2)
    assert one["game"] == -1  # it belongs to no single game


def test_mirror_twins_meet_and_policies_are_mirrored_back_first():
    rows = np.concatenate([row("1", move=2), row("7", move=4)])
    (one,) = merged(rows)
    # Both moves are the same one, seen from the two sides of the board.
    assert sorted(one["policy"].tolist()) == [0] * 6 + [1]
    assert one["policy"][one["move"]] == 1
    assert one["count"] == 2
    straight = merged(row("1", move=2))
    assert np.array_equal(one["policy"], straight["policy"][0])
    assert one["own"] + one["occupied"] == canonical_keys_of(rows)[0]


def test_different_positions_stay_apart():
    assert len(merged(np.concatenate([row("1"), row("2"), row("12"), row("21")]))) == 4


def test_rows_without_policy_do_not_dilute_those_that_have_one():
    rows = np.concatenate([row("1", policy=np.zeros(7), weight=9), row("1", move=1, weight=1)])
    assert merged(rows)[0]["policy"].tolist() == [0, 1, 0, 0, 0, 0, 0]
    nobody = np.concatenate([row("1", policy=np.zeros(7)), row("1", policy=np.zeros(7))])
    assert merged(nobody)[0]["policy"].tolist() == [0] * 7


def test_equal_weights_give_a_draw_then_a_win():
    rows = np.concatenate([row("1", outcome=-1), row("1", outcome=1), row("1", outcome=0)])
    assert merged(rows)[0]["outcome"] == 0
    assert merged(rows[:2])[0]["outcome"] == 1


def test_merging_again_changes_only_what_it_must():
    rows = np.concatenate([row("1", value=1, weight=2), row("1", value=0, weight=2)])
    twice = merged(np.concatenate([merged(rows), row("7", value=0.5, weight=4)]))
    assert (twice["count"][0], twice["weight"][0], twice["value"][0]) == (3, 8, 0.5)
    assert twice["spread"][0] == 1  # the spread of the first merging is not forgotten


def test_sources_that_differ_are_called_several():
    same = [row("1", source=1), row("1", source=1)]
    assert SOURCES[merged(np.concatenate(same))[0]["source"]] == "discounted"
    assert merged(np.concatenate([*same, row("1", source=2)]))[0]["source"] == SEVERAL


def test_merged_rows_are_a_copy_only_where_all_of_them_are():
    played, image = row("1", copy=0), row("7", copy=FLIPPED)
    assert merged(np.concatenate([image, played]))[0]["copy"] == 0
    assert merged(np.concatenate([image, image]))[0]["copy"] == FLIPPED


def test_number_of_merged_examples_stays_the_highest_there_is():
    most = np.iinfo(np.int32).max
    assert merged(np.concatenate([row("1", count=most), row("1")]))[0]["count"] == most


def test_same_game_keeps_its_number():
    assert merged(np.concatenate([row("1", game=3), row("7", game=3)]))[0]["game"] == 3


@pytest.mark.parametrize("moves", ["", "4", "1234567", "112233"])
def test_flipping_twice_gives_the_row_back(moves):
    one = row(moves, move=1, policy=[0.1, 0.2, 0.3, 0.4, 0, 0, 0])
    assert flipped(flipped(one)) == one
    assert canonical_keys_of(flipped(one)) == canonical_keys_of(one)
