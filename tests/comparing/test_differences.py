"""Tables of a comparison: what differs, which value is best, which side goes down."""

from __future__ import annotations

import csv
import io

from registry.comparing.csv_files import csv_text, harmless
from registry.comparing.differences import compare
from registry.comparing.grids import metric_grid, parameter_grid
from registry.comparing.subjects import Subject, flatten


def subject(name: str, parameters: dict | None = None, metrics: dict | None = None) -> Subject:
    return Subject(name, name, f"/{name}", parameters or {}, metrics or {})


def test_nested_parameters_are_told_by_their_path_in_their_order():
    data = {"b": {"x": 1, "y": {"z": [1, {"q": 2}]}}, "a": None, "e": {}}
    assert flatten(data) == {"b.x": 1, "b.y.z": [1, {"q": 2}], "a": None, "e": {}}


def test_parameters_nested_ten_thousand_deep_are_no_trouble():
    data: dict = {"x": 1}
    for _ in range(10_000):
        data = {"d": data}
    (path,) = flatten(data)
    assert path.count(".") == 10_000


def test_only_what_differs_is_shown_unless_all_is_asked_for():
    subjects = [subject("a", {"x": 1, "y": 2, "z": True}), subject("b", {"x": 1, "y": 3, "z": 1})]
    found = compare(subjects)
    assert [(p.name, p.values) for p in found.parameters] == [("y", (2, 3)), ("z", (True, 1))]
    assert found.hidden == 1
    every = compare(subjects, every=True)
    assert [(p.name, p.differs) for p in every.parameters] == [
        ("x", False),
        ("y", True),
        ("z", True),
    ]
    assert every.hidden == 0


def test_a_parameter_that_one_does_not_have_differs():
    found = compare([subject("a", {"x": None}), subject("b")])
    assert [(p.name, p.values) for p in found.parameters] == [("x", (None, None))]


def test_best_is_the_highest_but_of_losses_the_lowest():
    subjects = [
        subject("a", metrics={"survival": 5.0, "td_loss": 2.0, "same": 1.0}),
        subject("b", metrics={"survival": 7.0, "td_loss": 1.0, "same": 1.0}),
        subject("c", metrics={"survival": 7.0, "same": 1.0}),
    ]
    best = {metric.name: metric.best for metric in compare(subjects).metrics}
    assert best == {"survival": (1, 2), "td_loss": (1,), "same": ()}


def test_nan_is_never_the_best():
    subjects = [
        subject(n, metrics={"m": v}) for n, v in (("a", float("nan")), ("b", 1.0), ("c", 2.0))
    ]
    (metric,) = compare(subjects).metrics
    assert metric.values == (None, 1.0, 2.0)
    assert metric.best == (2,)


def test_the_longer_side_of_a_table_goes_down():
    few = compare([subject("a", {"x": 1, "y": 1, "z": 1}), subject("b", {"x": 2, "y": 2, "z": 2})])
    assert [head.label for head in parameter_grid(few, "Run").rows] == ["x", "y", "z"]
    many = compare([subject(name, {"x": name}, {"m": 1.0}) for name in "abcdef"])
    grid = parameter_grid(many, "Run")
    assert [head.label for head in grid.rows] == list("abcdef")
    assert [[cell.text for cell in row] for row in grid.cells] == [[name] for name in "abcdef"]
    assert [head.label for head in metric_grid(many, "Run").columns] == ["m ↑"]


def test_cells_are_text_and_never_markup():
    found = compare([subject("a", {"x": "<script>"}), subject("b", {"x": "&"})])
    markup = "".join(cells for _, cells in parameter_grid(found, "Run").lines())
    assert "<script>" not in markup
    assert "&lt;script&gt;" in markup


def test_csv_has_a_row_for_each_and_calculates_nothing():
    evil = '=HYPERLINK("http://example.org")'
    subjects = [
        Subject("k1", evil, "/", {"@x": "+1", "n": -3}, {"m": -0.5}, {"owner": "-cmd"}),
        Subject("k2", "\tb", "/", {"@x": "\rx", "n": True}, {"m": 2.0}, {"owner": "@a"}),
    ]
    rows = list(csv.reader(io.StringIO(csv_text(compare(subjects)), newline="")))
    assert rows == [
        ["key", "name", "owner", "params.@x", "params.n", "metrics.m"],
        ["k1", f"'{evil}", "'-cmd", "'+1", "-3", "-0.5"],
        ["k2", "'\tb", "'@a", "'\rx", "true", "2.0"],
    ]


def test_every_beginning_of_a_formula_is_made_harmless():
    for start in "=+-@\t\r":
        assert harmless(f"{start}1") == f"'{start}1"
    assert harmless("a=1") == "a=1"
    assert harmless(-1) == -1
    assert harmless(["=x"]) == '["=x"]'
