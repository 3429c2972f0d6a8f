"""What is held back for validation: whole games, and loose examples by their position."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.datasets.building import build_dataset
from hamlet.datasets.games import mirrored_game
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.stored import open_dataset
from hamlet.learning.connect_four.given_examples import validation_side
from tests.datasets.random_games import random_games


@pytest.fixture(scope="module")
def games_and_images(tmp_path_factory):
    games = random_games(60, seed=1)
    images = [mirrored_game(one, f"image-{one.id}") for one in games[::2]]
    folder = tmp_path_factory.mktemp("split") / "d"
    build_dataset(folder, [*games, *images], {"deduplicate": False, "augment": {"flip": True}})
    ((rows, ids),) = open_dataset(folder).shards()
    assert len(ids) == 60  # an image belongs to the game it copies
    return rows, ids


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_all_examples_of_a_game_and_of_its_images_are_on_one_side(games_and_images, share):
    rows, ids = games_and_images
    held_back = validation_side(rows, ids, share, seed=3)
    for number in range(len(ids)):
        assert len(np.unique(held_back[rows["game"] == number])) == 1
    assert abs(len(np.unique(rows["game"][held_back])) / len(ids) - share) < 0.15


def test_side_of_a_game_does_not_hang_on_what_else_there_is(games_and_images):
    rows, ids = games_and_images
    held_back = validation_side(rows, ids, 0.4, seed=3)
    some = np.random.default_rng(1).permutation(len(rows))[:500]
    assert np.array_equal(validation_side(rows[some], ids, 0.4, seed=3), held_back[some])
    assert not np.array_equal(validation_side(rows, ids, 0.4, seed=4), held_back)


def test_loose_examples_of_a_position_and_of_its_mirror_image_are_on_one_side():
    boards = ["1", "7", "1", "44", "12", "76", "123", "765"]
    rows, ids = read_examples([{"board": board, "move": 3, "value": 0} for board in boards])
    sides = np.array([validation_side(rows, ids, 0.5, seed=seed) for seed in range(30)])
    assert (sides[:, 0] == sides[:, 1]).all()
    assert (sides[:, 0] == sides[:, 2]).all()
    assert (sides[:, 4] == sides[:, 5]).all()
    assert (sides[:, 6] == sides[:, 7]).all()
    assert (sides[:, 0] != sides[:, 3]).any()
    assert 0.3 < sides.mean() < 0.7


def test_with_a_share_of_zero_nothing_is_held_back(games_and_images):
    assert not validation_side(*games_and_images, 0.0, seed=3).any()
