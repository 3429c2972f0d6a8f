"""A stored dataset is verified when it is read."""

import numpy as np
import pytest

from hamlet.datasets import shards
from hamlet.datasets.building import build_dataset
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.manifest import read_manifest
from hamlet.datasets.rows import empty_rows
from hamlet.datasets.shards import ShardWriter, read_shard, write_shard
from hamlet.datasets.stored import groups_of, load_examples, open_dataset
from hamlet.json_documents import read_json
from tests.datasets.random_games import random_games


@pytest.fixture
def folder(tmp_path):
    build_dataset(tmp_path / "d", random_games(20, seed=1))
    return tmp_path / "d"


def test_shards_are_named_by_the_hash_of_their_content(folder):
    dataset = open_dataset(folder)
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        *(shard.file_name for shard in dataset.manifest.shards),
    }
    assert sum(len(rows) for rows, _ in dataset.shards()) == dataset.manifest.total_examples


def test_changed_shard_is_refused(folder):
    dataset = open_dataset(folder)
    file = folder / dataset.manifest.shards[0].file_name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="was changed or damaged: its sha256 is"):
        load_examples(dataset)


def test_missing_shard_is_refused(folder):
    dataset = open_dataset(folder)
    (folder / dataset.manifest.shards[0].file_name).unlink()
    with pytest.raises(DatasetError, match="cannot be read .*; build the dataset again"):
        load_examples(dataset)


def test_dataset_that_vanished_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="nowhere: no dataset there"):
        open_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "hamlet-dataset"}', "NaN"])
def test_manifest_that_is_none_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match="manifest"):
        open_dataset(folder)


def test_manifest_of_a_later_version_is_refused(folder):
    data = read_json((folder / "manifest.json").read_bytes()) | {"version": 2}
    with pytest.raises(DatasetError, match="manifest.version: found 2; expected one of 1"):
        read_manifest(data)


def test_more_examples_than_may_be_loaded_are_refused(folder):
    dataset = open_dataset(folder)
    total = dataset.manifest.total_examples
    assert len(load_examples(dataset, most=total)["own"]) == total
    with pytest.raises(DatasetError, match=f"has {total} examples; expected at most {total - 1}"):
        load_examples(dataset, most=total - 1)


def test_loose_examples_are_grouped_by_position_up_to_mirror():
    boards = ["1", "7", "4", "1", "44"]
    rows, ids = read_examples([{"board": board, "move": 0, "value": 0} for board in boards])
    groups = groups_of(rows, ids)
    assert groups[0] == groups[1] == groups[3]
    assert len(set(groups.tolist())) == 3


def test_rows_are_cut_into_shards_of_a_fixed_size(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ROWS", 100)
    rows = empty_rows(250)
    rows["occupied"] = np.arange(250)
    rows["game"][::2] = np.arange(125) % 3
    writer = ShardWriter(tmp_path, ["c", "a", "b"])
    for begin in range(0, 250, 70):
        writer.add(rows[begin : begin + 70])
    made = writer.finish()
    assert [shard.rows for shard in made] == [100, 100, 50]
    back, names = [], []
    for shard in made:
        part, ids = read_shard(tmp_path / shard.file_name)
        back.append(part)
        names += [ids[number] if number >= 0 else None for number in part["game"]]
    whole = np.concatenate(back)
    assert np.array_equal(whole["occupied"], rows["occupied"])
    assert names == ["cab"[number] if number >= 0 else None for number in rows["game"]]


def test_same_rows_give_the_same_shard_however_games_are_numbered(tmp_path):
    rows = empty_rows(2)
    rows["game"] = [0, 1]
    one = write_shard(tmp_path, rows, ["a", "b"])
    rows["game"] = [1, 0]
    assert write_shard(tmp_path, rows, ["b", "a"]) == one


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_what_is_no_shard_is_refused(content):
    with pytest.raises(DatasetError, match="damaged"):
        read_shard(content)
