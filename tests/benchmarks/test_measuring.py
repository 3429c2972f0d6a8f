"""What the tables of the benchmarks are made of."""

import json

import pytest

from benchmarks.measuring import Spread, median_ms, percentile, rate, ratio, take_turns
from benchmarks.report import Report, Table, number, show, verdict


def test_contestants_take_turns_and_nobody_always_goes_first():
    calls = []

    def contestant(name, figure):
        return lambda: calls.append(name) or figure

    found = take_turns({"ours": contestant("ours", 6.0), "peer": contestant("peer", 2.0)}, 3)
    assert calls == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert found["ours"].values == (6.0, 6.0, 6.0)


def test_ratios_are_taken_round_by_round():
    # Medians 20 and 4 would give 5; the rounds give 10, 4 and 10.
    found = ratio(Spread((10.0, 20.0, 30.0)), Spread((1.0, 5.0, 3.0)))
    assert found.values == (10.0, 4.0, 10.0)
    assert found.median == 10.0


def test_rate_counts_all_work_of_at_least_three_pieces():
    pieces = []
    speed = rate(lambda: pieces.append(7) or 7, seconds=0.0)
    assert len(pieces) == 3
    assert speed > 0


def test_rate_on_the_cpu_clock_does_not_count_waiting():
    waited = rate(lambda: 1, seconds=0.0, clock="cpu")
    assert waited > 0


def test_time_of_preparing_is_not_measured():
    order = []
    milliseconds = median_ms(
        lambda: order.append("work"), 2, before=lambda: order.append("prepare")
    )
    assert order == ["prepare", "work", "prepare", "work"]
    assert milliseconds >= 0


@pytest.mark.parametrize(("share", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100), (1, 1)])
def test_percentile_is_the_nearest_rank(share, expected):
    assert percentile(range(100, 0, -1), share) == expected


def test_percentile_of_few_values_is_the_largest():
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (99.44, "99.4"), (0.01234, "0.0123"), (0.0, "0"), (1.0, "1")],
)
def test_numbers_keep_three_digits_that_matter(value, text):
    assert number(value) == text


def test_a_spread_shows_median_lowest_and_highest():
    assert show(Spread((3.0, 1.0, 2.0))) == "2 (1 to 3)"


def test_a_goal_is_judged_by_the_median_without_rounding():
    assert verdict(Spread((2.999,)), 3.0) == "goal >= 3: NOT met"
    assert verdict(Spread((3.0,)), 3.0) == "goal >= 3: met"
    assert verdict(Spread((50.1,)), 50.0, at_most=True) == "goal <= 50: NOT met"


def test_a_verdict_says_when_not_all_rounds_agree():
    assert verdict(Spread((1.0, 4.0, 5.0)), 3.0) == "goal >= 3: met (2 of 3 rounds)"


def test_tables_line_up_and_leave_out_nothing():
    table = Table("Speed", [{"envs": 1, "ours": 2.5}, {"envs": 64, "peer": None}], ["a note"])
    assert table.text().splitlines() == [
        "## Speed",
        "",
        "| envs | ours | peer |",
        "|------|------|------|",
        "| 1    | 2.5  | -    |",
        "| 64   | -    | -    |",
        "",
        "- a note",
    ]


def test_json_holds_every_measured_value(tmp_path):
    file = tmp_path / "deep" / "speed.json"
    report = Report("speed", quick=True, settings={"seed": 3}, machine={"cores": 2}, file=file)
    report.add(Table("Speed", [{"ours": Spread((1.0, 3.0), "steps/s")}]))
    assert "load_after" not in json.loads(file.read_text())["machine"], "it may be cut short now"
    report.end()
    read = json.loads(file.read_text())
    assert "load_after" in read["machine"]
    assert read["settings"] == {"seed": 3}
    assert read["machine"]["cores"] == 2
    assert read["tables"][0]["rows"] == [
        {"ours": {"median": 2.0, "unit": "steps/s", "values": [1.0, 3.0]}}
    ]
