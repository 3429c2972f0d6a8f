"""Statistics of a dataset, against numbers counted by hand."""

import numpy as np

from hamlet.datasets.building import build_dataset
from hamlet.envs.connect_four.position import Position
from tests.datasets.random_games import game, random_games

# Yellow plays the mirror image of Red's first move in the second game.
GAMES = [
    game("1212121", 1, id="a"),
    game("7676767", 1, id="b"),  # the mirror image of the first
    game("4", 2, id="c", reason="resignation"),
    game("44", 0, id="d", reason="timeout"),
]


def statistics(tmp_path, **options):
    return build_dataset(tmp_path / "d", GAMES, options).statistics


def test_rates_are_per_game(tmp_path):
    found = statistics(tmp_path)
    assert (found["win_rate_red"], found["win_rate_yellow"], found["draw_rate"]) == (
        0.5,
        0.25,
        0.25,
    )
    assert found["average_game_length"] == (7 + 7 + 1 + 2) / 4


def test_positions_are_counted_as_they_stand_and_up_to_mirror(tmp_path):
    found = statistics(tmp_path, deduplicate=False)
    assert found["total_examples"] == 17
    # The empty board, six of each of the two long games, and "4".
    assert found["unique_positions"] == 1 + 6 + 6 + 1
    assert found["unique_up_to_mirror"] == 1 + 6 + 1
    assert found["examples_by_ply"][:7] == [4, 3, 2, 2, 2, 2, 2]
    assert sum(found["examples_by_ply"]) == 17
    assert found["label_sources"] == {"outcome": 17}


def test_conflicts_are_positions_with_different_values(tmp_path):
    # The empty board has values 1, 1, -1, 0; no other position is met with two.
    for options in ({"deduplicate": False}, {}):
        folder = tmp_path / str(len(options))
        folder.mkdir()
        assert statistics(folder, **options)["conflict_share"] == 1 / 8


def test_copies_are_no_conflict(tmp_path):
    found = statistics(tmp_path, augment={"flip": True, "noise": True, "smoothing": True})
    assert found["conflict_share"] == 1 / 8
    assert found["total_examples"] == 8 * 4


def test_most_frequent_positions_come_first(tmp_path):
    found = statistics(tmp_path)["most_frequent"]
    assert found[0] == {"board": "0" * 42, "count": 4}
    assert [entry["count"] for entry in found] == [4, 2, 2, 2, 2, 2, 2, 1]


def test_no_more_than_a_hundred_positions_are_named(tmp_path):
    manifest = build_dataset(tmp_path / "d", random_games(300, seed=4))
    assert len(manifest.statistics["most_frequent"]) == 100


def test_overlap_with_evaluation_sets_counts_mirror_images(tmp_path):
    inside, outside = Position.after([6]).canonical_key, Position.after([2, 2]).canonical_key
    sets = {"begin-easy": np.array([inside, outside]), "end-easy": np.array([outside])}
    found = build_dataset(
        tmp_path / "d", GAMES, {"deduplicate": False}, evaluation_sets=sets
    ).statistics["evaluation_overlap"]
    assert found == {
        "begin-easy": {"examples": 2, "positions": 1, "of": 2, "share": 0.5},
        "end-easy": {"examples": 0, "positions": 0, "of": 1, "share": 0.0},
    }
