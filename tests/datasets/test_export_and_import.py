"""A dataset as JSON lines and as CSV, there and back."""

import csv
import io
import json
import os

import pytest

from hamlet.datasets.building import build_dataset
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.exporting import export_csv, export_json, guarded, unguarded
from hamlet.datasets.given_examples import HIGHEST_WEIGHT, read_examples
from hamlet.datasets.importing import import_dataset
from hamlet.datasets.stored import load_examples, open_dataset
from hamlet.errors import InputError
from tests.datasets.random_games import game, random_games

EXPORTS = {"json": export_json, "csv": export_csv}
OPTIONS = {
    "include_policy": True,
    "value_target": "mixed",
    "augment": {"flip": True, "noise": True, "smoothing": True},
    "max_examples": 3000,
}


@pytest.fixture(params=EXPORTS)
def format(request):
    return request.param


def exported(folder, format) -> str:
    return b"".join(EXPORTS[format](open_dataset(folder))).decode()


def imported(folder, text, format, **options):
    return import_dataset(folder, io.StringIO(text, newline=""), format, **options)


@pytest.mark.parametrize("options", [OPTIONS, {"deduplicate": False}])
def test_export_and_import_give_the_same_manifest_hash(tmp_path, format, options):
    games = random_games(100, seed=1, search=True)
    built = build_dataset(tmp_path / "built", games, options, seed=5)
    back = imported(tmp_path / "back", exported(tmp_path / "built", format), format)
    assert back.hash == built.hash
    assert open_dataset(tmp_path / "back").manifest.hash == built.hash
    assert len(load_examples(open_dataset(tmp_path / "back"))["own"]) == built.total_examples
    assert sorted(os.listdir(tmp_path / "back")) == sorted(os.listdir(tmp_path / "built"))


def test_overlap_with_evaluation_sets_travels_along(tmp_path, format):
    import numpy as np

    sets = {"begin": np.array([0])}
    built = build_dataset(tmp_path / "b", random_games(9, seed=2), evaluation_sets=sets)
    back = imported(tmp_path / "back", exported(tmp_path / "b", format), format)
    assert back.hash == built.hash


def test_overlap_is_counted_anew_where_the_file_lies_about_it(tmp_path):
    import numpy as np

    sets = {"begin": np.array([0])}  # the empty board, with which every game begins
    built = build_dataset(tmp_path / "b", random_games(9, seed=2), evaluation_sets=sets)
    lines = exported(tmp_path / "b", "json").splitlines()
    head = json.loads(lines[0])
    said = head["dataset"]["statistics"]["examples"]["evaluation_overlap"]["begin"]
    assert (said["positions"], said["share"]) == (1, 1.0)
    said["positions"], said["share"] = 0, 0.0
    text = "\n".join([json.dumps(head), *lines[1:]]).splitlines(keepends=True)
    back = import_dataset(tmp_path / "back", text, "json", evaluation_sets=sets)
    assert back.hash != built.hash
    assert back.statistics["evaluation_overlap"]["begin"]["positions"] == 1


def test_changed_export_is_a_dataset_of_its_own(tmp_path, format):
    build_dataset(tmp_path / "built", random_games(10, seed=3))
    text = exported(tmp_path / "built", format)
    lines = text.splitlines(keepends=True)
    fewer = imported(tmp_path / "fewer", "".join(lines[:-1]), format)
    assert fewer.total_examples == open_dataset(tmp_path / "built").manifest.total_examples - 1
    assert fewer.data["options"]["deduplicate"] is False
    assert fewer.statistics["games"] == 0  # nothing is known of whole games any more


def test_manifest_that_lies_about_its_examples_is_not_believed(tmp_path):
    built = build_dataset(tmp_path / "built", random_games(10, seed=3))
    lines = exported(tmp_path / "built", "json").splitlines()
    head = json.loads(lines[0])
    head["dataset"]["statistics"]["examples"]["conflict_share"] = 0.0
    head["dataset"]["statistics"]["examples"]["unique_positions"] += 1
    back = imported(tmp_path / "back", "\n".join([json.dumps(head), *lines[1:]]), "json")
    assert back.hash != built.hash
    assert back.statistics["unique_positions"] == built.statistics["unique_positions"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (("statistics", "games"), {"win_rate_red": "<b>all</b>"}),
        (("statistics", "games"), {"win_rate_red": 7.0}),
        (("statistics", "games"), {"win_rate_red": 0.9, "win_rate_yellow": 0.9}),
        (("statistics", "games"), {"games": 10**9}),
        (("sources",), {"games": 0}),
    ],
)
def test_manifest_that_says_of_games_what_cannot_be_is_not_believed(tmp_path, where, said):
    built = build_dataset(tmp_path / "built", random_games(10, seed=3))
    lines = exported(tmp_path / "built", "json").splitlines()
    head = json.loads(lines[0])
    place = head["dataset"]
    for name in where:
        place = place[name]
    place.update(said)
    back = imported(tmp_path / "back", "\n".join([json.dumps(head), *lines[1:]]), "json")
    assert back.hash != built.hash
    assert back.statistics["games"] == 0  # examples alone are known
    assert back.statistics["win_rate_red"] is None


def test_heavy_twins_are_merged_into_what_can_be_read_again(tmp_path, format):
    twin = {"board": "44", "move": 3, "value": 0.5, "weight": HIGHEST_WEIGHT}
    examples = [read_examples([twin, twin])]
    built = build_dataset(tmp_path / "built", examples=examples)
    back = imported(tmp_path / "back", exported(tmp_path / "built", format), format)
    assert back.hash == built.hash


def test_file_of_a_spreadsheet_begins_with_a_mark_and_ends_with_empty_lines(tmp_path, format):
    build_dataset(tmp_path / "built", random_games(3, seed=3))
    text = exported(tmp_path / "built", format)
    back = imported(tmp_path / "back", "\ufeff" + text + "\r\n\r\n", format)
    assert back.hash == open_dataset(tmp_path / "built").manifest.hash


def test_lines_of_json_are_examples_as_the_api_takes_them(tmp_path):
    build_dataset(tmp_path / "d", random_games(5, seed=4), {"deduplicate": False})
    lines = [json.loads(line) for line in exported(tmp_path / "d", "json").splitlines()]
    assert set(lines[0]) == {"dataset"}
    assert lines[1]["board"].keys() == {"board", "player"}
    assert lines[1]["game_id"].startswith("g4-")


def test_csv_has_the_columns_of_the_manual(tmp_path):
    build_dataset(tmp_path / "d", random_games(5, seed=4))
    table = list(csv.DictReader(io.StringIO(exported(tmp_path / "d", "csv"), newline="")))
    first = ["board", "player", "move", "value", "policy", "weight", "game_id", "ply"]
    assert list(table[0])[:8] == first
    assert len(table[0]["board"]) == 42
    assert len(table[0]["policy"].split()) == 7
    assert json.loads(table[0]["dataset"])["format"] == "hamlet-dataset"
    assert all(row["dataset"] == "" for row in table[1:])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "'quoted"])
def test_cells_that_start_like_a_formula_are_quoted(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


def test_other_cells_stay_as_they_are():
    for text in ("g1", "", "a=b", "7"):
        assert unguarded(guarded(text)) == text == guarded(text)


@pytest.mark.parametrize("name", ["=cmd|'/C calc'!A0", "+1", "-x", "@a", "'q", 'a,"b"\r\nc'])
def test_game_with_a_dangerous_name_travels_quoted(tmp_path, format, name):
    built = build_dataset(tmp_path / "d", [game("1212121", 1, id=name)], {"deduplicate": False})
    text = exported(tmp_path / "d", format)
    if format == "csv":
        cell = next(csv.DictReader(io.StringIO(text, newline="")))["game_id"]
        assert cell == (name if name.startswith("a") else f"'{name}")
    assert imported(tmp_path / "e", text, format).hash == built.hash


def test_csv_written_by_hand_is_read(tmp_path):
    text = "board,player,move,value\r\n4,2,3,0.5\r\n44,Red,2,-1\r\n4444445,,0,0\r\n"
    manifest = imported(tmp_path / "d", text, "csv")
    assert manifest.total_examples == 3
    assert manifest.statistics["label_sources"] == {"given": 3}


def test_import_may_be_built_with_options(tmp_path, format):
    build_dataset(tmp_path / "d", random_games(30, seed=5), {"deduplicate": False})
    text = exported(tmp_path / "d", format)
    manifest = imported(tmp_path / "e", text, format, options={"max_examples": 50})
    assert manifest.total_examples == 50
    assert manifest.data["options"]["deduplicate"] is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("board,move\n4,1\n", "line 1: columns missing: value; unknown: none"),
        ("board,move,value,colour\n", "line 1: columns missing: none; unknown: colour"),
        ("board,move,value,move\n", "line 1: columns missing: none; unknown: none"),
        ("board,move,value\n4,1\n", "line 2: found 2 cells; expected 3"),
        ("board,move,value\n4,x,1\n", r"examples\[0\].move: found 'x'"),
        ("board,move,value\n4,1,0\n4,1,nan\n", r"examples\[1\].value: found nan"),
        ("board,move,value\n,1,0\n", r"examples\[0\].board.board: found nothing"),
        ("board,move,value\n4,1,0\n1212121,1,0\n", r"examples\[1\].board.board: the game is over"),
        ('board,move,value\n"4,1,0\n', "line 2: not CSV"),
        ("", "line 1: columns missing: board, move, value"),
        ("board,move,value\n", "examples: found no examples"),
    ],
)
def test_wrong_csv_is_refused_with_the_place(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        imported(tmp_path / "d", text, "csv")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: not JSON"),
        ('{"board": "4", "move": 1, "value": NaN}', "line 1: not JSON .NaN is no JSON number"),
        ('{"board": "4", "move": 1, "value": 2}', r"examples\[0\].value: found 2"),
        (
            '{"board": "4", "move": 1, "move": 2, "value": 0}',
            "line 1: not JSON .a name stands twice",
        ),
        ("[]", r"examples\[0\]: found a list of 0; expected a mapping"),
        ("\n\n", "examples: found no examples"),
    ],
)
def test_wrong_json_is_refused_with_the_place(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        imported(tmp_path / "d", text, "json")
    assert os.listdir(tmp_path) == []


def test_index_of_a_wrong_example_counts_from_the_first(tmp_path):
    lines = ['{"board": "4", "move": 1, "value": 0}'] * 5000 + [
        '{"board": "4", "move": 8, "value": 0}'
    ]
    with pytest.raises(InputError, match=r"examples\[5000\].move: found 8"):
        imported(tmp_path / "d", "\n".join(lines), "json")


def test_unknown_format_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="format: found 'xlsx'; expected one of json, csv"):
        imported(tmp_path / "d", "", "xlsx")
