"""A dataset of games: the same games give the same one, and it holds exactly what was asked."""

import os
import random

import numpy as np
import pytest

from hamlet.datasets.building import build_dataset
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.games import mirrored_game
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.rows import canonical_keys_of, keys_of
from hamlet.datasets.stored import load_examples, open_dataset
from hamlet.errors import SpecError
from tests.datasets.random_games import game, random_games

GAMES = random_games(200, seed=1, search=True)
SHUFFLED = random.Random(3).sample(GAMES, len(GAMES))
EVERYTHING = {
    "include_policy": True,
    "value_target": "mixed",
    "augment": {"flip": True, "noise": True, "smoothing": True},
    "balance": True,
    "max_examples": 500,
    "filters": {"min_length": 8},
}


def rows_in(folder) -> np.ndarray:
    return np.concatenate([rows for rows, _ in open_dataset(folder).shards()])


@pytest.mark.parametrize("options", [{}, {"deduplicate": False}, EVERYTHING])
def test_same_games_options_and_seed_give_the_same_dataset_in_any_order(tmp_path, options):
    one = build_dataset(tmp_path / "one", GAMES, options, seed=7)
    two = build_dataset(tmp_path / "two", SHUFFLED, options, seed=7)
    assert one.hash == two.hash
    assert open_dataset(tmp_path / "one").manifest.hash == one.hash
    assert sorted(os.listdir(tmp_path / "one")) == sorted(os.listdir(tmp_path / "two"))


def test_order_of_games_and_their_mirrored_copies_is_forgotten(tmp_path):
    images = [mirrored_game(one, f"image-{one.id}") for one in GAMES[:20]]
    one = build_dataset(tmp_path / "one", [*GAMES[:20], *images], {"deduplicate": False})
    two = build_dataset(tmp_path / "two", [*images, *GAMES[:20]], {"deduplicate": False})
    assert one.hash == two.hash


def test_another_seed_draws_others(tmp_path):
    one = build_dataset(tmp_path / "one", GAMES, {"max_examples": 100}, seed=7)
    two = build_dataset(tmp_path / "two", GAMES, {"max_examples": 100}, seed=8)
    assert one.shards != two.shards


def test_every_position_stands_once(tmp_path):
    manifest = build_dataset(tmp_path / "d", GAMES)
    keys = canonical_keys_of(rows_in(tmp_path / "d"))
    assert len(np.unique(keys)) == len(keys) == manifest.total_examples
    plies = sum(one.plies for one in GAMES)
    assert rows_in(tmp_path / "d")["count"].sum() == plies
    assert len(keys) < plies


def test_without_deduplication_every_ply_stays_as_it_was_played(tmp_path):
    build_dataset(tmp_path / "d", GAMES, {"deduplicate": False})
    rows = rows_in(tmp_path / "d")
    assert len(rows) == sum(one.plies for one in GAMES)
    assert (rows["occupied"] == 0).sum() == len(GAMES)
    first_moves = np.bincount(rows["move"][rows["occupied"] == 0], minlength=7)
    assert first_moves.tolist() == np.bincount([g.moves[0] for g in GAMES], minlength=7).tolist()


@pytest.mark.parametrize("most", [1, 2, 333, 1000])
def test_max_examples_is_exact(tmp_path, most):
    options = {"max_examples": most, "augment": {"flip": True}}
    assert build_dataset(tmp_path / "d", GAMES, options).total_examples == most
    assert len(rows_in(tmp_path / "d")) == most


def test_fewer_examples_than_asked_for_are_all_kept(tmp_path):
    whole = build_dataset(tmp_path / "whole", GAMES)
    some = build_dataset(tmp_path / "some", GAMES, {"max_examples": 10**6})
    assert some.total_examples == whole.total_examples


def test_balance_goes_by_the_outcome_for_the_mover(tmp_path):
    draws = [one for one in random_games(3000, seed=2) if one.winner == 0]
    games = [*GAMES, *draws]
    manifest = build_dataset(tmp_path / "d", games, {"balance": True, "deduplicate": False})
    counts = manifest.statistics["examples_by_outcome"]
    plies = 42 * sum(one.winner == 0 for one in games)
    assert counts == {"loss": plies, "draw": plies, "win": plies, "unknown": 0}


def test_balance_takes_no_class_that_does_not_occur(tmp_path):
    manifest = build_dataset(tmp_path / "d", [game("1212121", 1)], {"balance": True})
    assert manifest.statistics["examples_by_outcome"]["loss"] == 3
    assert manifest.total_examples == 6


def test_balance_and_max_examples_together_are_exact_and_even(tmp_path):
    options = {"balance": True, "max_examples": 101, "augment": {"flip": True}}
    counts = build_dataset(tmp_path / "d", GAMES, options).statistics["examples_by_outcome"]
    present = [number for number in counts.values() if number]
    assert sum(present) == 101
    assert max(present) - min(present) <= 1


def test_filters_and_options_report_what_they_removed(tmp_path):
    options = {"filters": {"min_length": 10, "min_weight": 0.9}, "only_winner_moves": True}
    manifest = build_dataset(tmp_path / "d", GAMES, options)
    removed = {entry["filter"]: entry["removed"] for entry in manifest.data["filters"]}
    kept = [one for one in GAMES if one.plies >= 10]
    assert removed["min_length"] == len(GAMES) - len(kept) > 0
    assert removed["only_winner_moves"] == sum(
        one.plies if one.winner == 0 else one.plies // 2 for one in kept
    )
    assert removed["min_weight"] > 0
    assert manifest.data["sources"]["games"] == len(kept)


def test_given_examples_are_built_in_beside_games(tmp_path):
    example = {"board": "44", "move": 3, "value": 0.5, "game_id": "mine", "ply": 2}
    given = read_examples([example, {"board": "44", "move": 2, "value": -0.5}])
    manifest = build_dataset(tmp_path / "d", GAMES[:5], {"deduplicate": False}, examples=[given])
    assert manifest.data["sources"]["given_examples"] == 2
    assert manifest.statistics["label_sources"]["given"] == 2
    names = {one for _, ids in open_dataset(tmp_path / "d").shards() for one in ids}
    assert names == {"mine", *(one.id for one in GAMES[:5])}


def test_balance_without_games_is_refused(tmp_path):
    given = read_examples([{"board": "44", "move": 3, "value": 0.5}])
    with pytest.raises(DatasetError, match="found 1 examples without a game"):
        build_dataset(tmp_path / "d", examples=[given], options={"balance": True})


def test_mirrored_copy_goes_by_the_game_it_copies(tmp_path):
    copies = [mirrored_game(one, f"{one.id}-m") for one in GAMES[:20]]
    build_dataset(tmp_path / "d", [*GAMES[:20], *copies], {"deduplicate": False})
    data = load_examples(open_dataset(tmp_path / "d"))
    assert len(np.unique(data["group"])) == 20
    merged = build_dataset(tmp_path / "m", [*GAMES[:20], *copies])
    assert merged.statistics["games"] == 20
    alone = build_dataset(tmp_path / "a", GAMES[:20])
    assert merged.total_examples == alone.total_examples


def test_game_given_twice_is_refused_and_nothing_is_left_behind(tmp_path):
    with pytest.raises(DatasetError, match=f"the game {GAMES[0].id} is given twice"):
        build_dataset(tmp_path / "d", [*GAMES, GAMES[0]])
    assert os.listdir(tmp_path) == []


def test_nothing_left_is_refused_with_what_removed_it(tmp_path):
    shorter = [one for one in GAMES if one.plies < 42]
    removed = f"no example is left of 0 games.*min_length {len(shorter)}"
    with pytest.raises(DatasetError, match=removed):
        build_dataset(tmp_path / "d", shorter, {"filters": {"min_length": 42}})
    with pytest.raises(DatasetError, match="no example is left.*send some"):
        build_dataset(tmp_path / "d")
    assert os.listdir(tmp_path) == []


def test_folder_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(DatasetError, match="d: exists already"):
        build_dataset(tmp_path / "d", GAMES)


def test_unknown_option_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SpecError, match="options.dedupe: unknown field"):
        build_dataset(tmp_path / "d", iter(()), {"dedupe": True})


def test_build_reports_progress_and_stops_when_told(tmp_path):
    seen = []
    build_dataset(tmp_path / "d", GAMES, progress=lambda games, made: seen.append((games, made)))
    assert seen == [(200, sum(one.plies for one in GAMES))]

    def stop(games, made):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_dataset(tmp_path / "e", GAMES, progress=stop)
    assert os.listdir(tmp_path) == ["d"]


def test_columns_of_a_loaded_dataset_are_those_trainers_read(tmp_path):
    build_dataset(tmp_path / "d", GAMES[:10])
    data = load_examples(open_dataset(tmp_path / "d"))
    rows = rows_in(tmp_path / "d")
    assert {name: str(column.dtype) for name, column in data.items()} == {
        **dict.fromkeys(("own", "occupied", "group"), "int64"),
        **dict.fromkeys(("policy", "value", "weight"), "float32"),
        **dict.fromkeys(("move", "outcome"), "int8"),
    }
    assert np.array_equal(data["own"] + data["occupied"], keys_of(rows))
    assert np.allclose(data["policy"].sum(axis=1), 1)
