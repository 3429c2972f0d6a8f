"""Trained models come with the library, each with its origin, and play without the platform."""

import json
import zipfile

import numpy as np
import pytest

from hamlet import shipped
from hamlet.errors import CheckpointError, HamletError
from hamlet.evaluation.connect_four_pool import pool_rating
from hamlet.evaluation.connect_four_strength import network_player
from hamlet.model import HamletModel
from hamlet.search.boards import Boards
from hamlet.shipped import CONNECT_FOUR, SHIPPED, shipped_bundle, shipped_checkpoint

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def model() -> HamletModel:
    return HamletModel.load_from_checkpoint(shipped_checkpoint(CONNECT_FOUR))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_bundle_is_small_and_tells_how_it_was_made(name):
    path = shipped_bundle(name)
    assert path.stat().st_size < MOST_BYTES
    with zipfile.ZipFile(path) as bundle:
        version = json.loads(bundle.read("manifest.json"))["models"][0]["versions"][-1]
    spec = version["lineage"]["run_spec"]
    assert spec["seed"] == 1
    assert spec["content"]["level"] == "alphazero-long"
    assert version["metrics"]["mistakes_percent"] > 0


def test_the_opponent_of_connect_four_wins_and_blocks_without_a_search(model):
    player, generator = network_player(model.network, 0), np.random.default_rng(0)
    three_of_mine = Boards.after([[3, 0, 3, 0, 3, 0]])
    three_of_theirs = Boards.after([[0, 3, 0, 3, 6, 3]])
    assert player.choose(three_of_mine, generator)[0] == 3
    assert player.choose(three_of_theirs, generator)[0] == 3


def test_the_opponent_of_connect_four_is_far_above_one_ply(model):
    assert pool_rating(network_player(model.network, 0), 8).rating > 600


def test_a_name_that_none_has_is_refused():
    with pytest.raises(HamletError, match="found model 'connect-four'; shipped are"):
        shipped_bundle("connect-four")


def test_a_damaged_bundle_is_refused(tmp_path, monkeypatch):
    content = bytearray(shipped_bundle(CONNECT_FOUR).read_bytes())
    content[-len(content) // 3] ^= 1  # in the weights, which zip's own check covers
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    monkeypatch.setattr(shipped, "shipped_bundle", lambda name: path)
    with pytest.raises(CheckpointError, match="damaged"):
        shipped_checkpoint(CONNECT_FOUR)
    path.write_bytes(b"no zip")
    with pytest.raises(CheckpointError, match="damaged"):
        shipped_checkpoint(CONNECT_FOUR)
