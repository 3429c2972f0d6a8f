"""Training and validation are parted by game."""

import numpy as np
import pytest

from hamlet.datasets.building import build_dataset
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.rows import canonical_keys_of
from hamlet.datasets.splitting import seen_in_training, validation_mask
from hamlet.datasets.stored import groups_of, load_examples, open_dataset
from tests.datasets.random_games import random_games


def test_all_examples_of_a_game_are_on_one_side(tmp_path):
    options = {"deduplicate": False, "augment": {"flip": True}}
    build_dataset(tmp_path / "d", random_games(100, seed=1), options)
    groups = load_examples(open_dataset(tmp_path / "d"))["group"]
    mask = validation_mask(groups, 0.2, seed=3)
    assert not np.isin(groups[mask], groups[~mask]).any()
    assert 0.2 <= mask.mean() < 0.2 + 2 * 42 / len(groups)


def test_loose_examples_are_grouped_by_position_up_to_mirror():
    boards = ["1", "7", "4", "1", "44"]
    rows, ids = read_examples([{"board": board, "move": 0, "value": 0} for board in boards])
    groups = groups_of(rows, ids)
    assert groups[0] == groups[1] == groups[3]
    assert len(set(groups.tolist())) == 3


def test_same_seed_gives_the_same_split_and_another_seed_another():
    groups = np.repeat(np.arange(100), 7)
    assert np.array_equal(validation_mask(groups, 0.3, 1), validation_mask(groups, 0.3, 1))
    assert not np.array_equal(validation_mask(groups, 0.3, 1), validation_mask(groups, 0.3, 2))


def test_split_does_not_hang_on_the_order_of_examples():
    groups = np.repeat(np.arange(100), 7)
    order = np.random.default_rng(1).permutation(700)
    assert np.array_equal(
        validation_mask(groups[order], 0.3, 1), validation_mask(groups, 0.3, 1)[order]
    )


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_each_side_gets_a_group_where_there_are_two(share):
    mask = validation_mask(np.array([5, 5, 5, 9]), share, seed=1)
    assert 0 < mask.sum() < 4


def test_single_group_stays_in_training():
    assert not validation_mask(np.array([5, 5, 5]), 0.5, seed=1).any()


def test_share_of_zero_keeps_everything_in_training():
    assert not validation_mask(np.arange(10), 0, seed=1).any()


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_other_shares_are_refused(share):
    with pytest.raises(DatasetError, match="validation share: found"):
        validation_mask(np.arange(10), share, seed=1)


def test_positions_seen_in_training_are_found_up_to_mirror():
    rows, _ = read_examples([{"board": b, "move": 0, "value": 0} for b in ("1", "7", "44", "1")])
    keys = canonical_keys_of(rows)
    assert seen_in_training(keys[1:3], keys[[0, 3]]).tolist() == [True, False]
