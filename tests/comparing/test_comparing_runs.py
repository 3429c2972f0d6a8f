"""Runs beside each other: page, API and CSV, curves, bounds, and who sees what."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from training import curves as drawn
from training.models import CurveSummary, MetricPoint, Run

pytestmark = pytest.mark.django_db
API, PAGE = "/api/v1/compare/runs", "/runs/compare/"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ids(*runs) -> str:
    return ",".join(str(run.pk) for run in runs)


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_api_puts_runs_beside_each_other(student, runs_of_class):
    one = runs_of_class(gamma=0.9, metrics={"loss": 2.0, "score": 5.0}, name="one")
    two = runs_of_class(gamma=0.8, metrics={"loss": 1.0, "score": 4.0}, name="two")
    found = signed_in(student).get(API, {"ids": ids(two, one)}).json()
    assert [subject["name"] for subject in found["subjects"]] == ["two", "one"]
    assert found["parameters"] == [{"name": "brain.gamma", "values": [0.8, 0.9], "differs": True}]
    assert {m["name"]: (m["values"], m["best"], m["better"]) for m in found["metrics"]} == {
        "loss": ([1.0, 2.0], [0], "lower"),
        "score": ([4.0, 5.0], [1], "higher"),
    }
    every = signed_in(student).get(API, {"ids": ids(one, two), "all": "1"}).json()
    assert {p["name"]: p["differs"] for p in every["parameters"]} == {
        "seed": False,
        "budget": False,
        "trainer": False,
        "level.name": False,
        "brain.gamma": True,
        "brain.layers": False,
    }


def test_seeds_of_one_setting_are_told_as_one(student, runs_of_class):
    runs = [runs_of_class(seed=seed, metrics={"score": float(seed)}) for seed in (1, 2, 3)]
    other = runs_of_class(gamma=0.5, metrics={"score": 9.0})
    (group,) = signed_in(student).get(API, {"ids": ids(*runs, other)}).json()["groups"]
    assert (group["members"], group["seeds"]) == ([0, 1, 2], [1, 2, 3])
    score = group["metrics"]["score"]
    assert (score["mean"], score["n"], score["confidence"]) == (2.0, 3, 0.95)
    assert score["low"] == pytest.approx(-0.4841, abs=1e-4)
    words = text_of(signed_in(student).get(PAGE, {"ids": ids(*runs, other)}))
    assert "3 seeds (1, 2, 3)" in words
    assert "score 2 -0.484138 to 4.48414 3" in words


def test_curves_are_means_on_one_grid(student, runs_of_class):
    one = runs_of_class(points={"loss": [(n, float(n)) for n in range(1, 9)]}, done=8)
    two = runs_of_class(points={"loss": [(4, 1.0), (8, 3.0)], "rare": [(3, 7.0)]}, done=8)
    query = {"ids": ids(one, two), "max_points": 4}
    curves = signed_in(student).get(API, query).json()["curves"]
    assert curves["at"] == [2, 4, 6, 8]
    assert curves["series"]["loss"] == [[1.5, 3.5, 5.5, 7.5], [None, 1.0, None, 3.0]]
    assert curves["series"]["rare"] == [[None] * 4, [None, 7.0, None, None]]
    chosen = signed_in(student).get(API, {**query, "names": "rare"}).json()["curves"]
    assert list(chosen["series"]) == ["rare"]


def test_points_at_the_beginning_and_numbers_that_are_none(runs_of_class):
    values = [1.0, 3.0, math.nan, math.inf, 1e300, -1e300, 1e-300, -0.125, 123456.78]
    run = runs_of_class(points={"m": list(enumerate(values))}, done=8)
    found = drawn.curves([run], ["m"], points=10)
    assert found["at"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert found["series"]["m"] == [[2.0, None, None, None, None, 0.0, -0.125, 123456.8]]


def test_a_point_beyond_the_progress_is_left_out(runs_of_class):
    run = runs_of_class(points={"m": [(1, 1.0), (9, 5.0)]}, done=2)
    assert drawn.curves([run], ["m"])["series"]["m"] == [[1.0, None]]


def test_kept_curves_are_what_the_points_say_and_are_read_instead_of_them(runs_of_class):
    points = {name: [(n, n * factor) for n in range(1, 1001)] for name, factor in METRICS}
    run = runs_of_class(points=points, done=1000, ended_at=timezone.now())
    made = drawn.curves([run], ["a", "b"], points=20)
    assert CurveSummary.objects.get().width == 8, "128 buckets hold 1,000 units"
    MetricPoint.objects.filter(run=run).delete()
    assert drawn.curves([run], ["a", "b"], points=20) == made
    assert made["at"] == [64 * n for n in range(1, 17)]
    # The first bucket has 1 to 64, with the mean 32.5; the last 961 to 1,000.
    assert made["series"]["a"][0][0] == 32.5
    assert made["series"]["a"][0][-1] == 980.5
    assert made["series"]["b"][0][:2] == [3.25, 9.65]


METRICS = (("a", 1.0), ("b", 0.1))


def test_a_run_that_went_on_is_summarised_again(runs_of_class):
    run = runs_of_class(points={"m": [(1, 1.0)]}, done=1, ended_at=timezone.now())
    assert drawn.curves([run], ["m"])["series"]["m"] == [[1.0]]
    Run.objects.filter(pk=run.pk).update(done=2, ended_at=None)
    MetricPoint.objects.create(run=run, name="m", at=2, value=5.0)
    run.refresh_from_db()
    assert drawn.curves([run], ["m"])["series"]["m"] == [[1.0, 5.0]]
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now())
    run.refresh_from_db()
    for _ in range(2):
        assert drawn.curves([run], ["m"])["series"]["m"] == [[1.0, 5.0]]
    assert CurveSummary.objects.count() == 1


def test_what_has_not_ended_is_not_kept(runs_of_class):
    drawn.curves([runs_of_class(points={"m": [(1, 1.0)]}, done=1)], ["m"])
    assert CurveSummary.objects.count() == 0


def test_short_and_long_runs_share_one_grid(runs_of_class):
    short = runs_of_class(points={"m": [(n, 1.0) for n in range(1, 11)]}, done=10)
    long = runs_of_class(points={"m": [(n, n / 1) for n in range(1, 10_001)]}, done=10_000)
    found = drawn.curves([short, long], ["m"])
    assert found["at"][:2] == [128, 256]
    assert len(found["at"]) <= drawn.MOST_BUCKETS
    assert found["series"]["m"][0] == [1.0] + [None] * (len(found["at"]) - 1)
    assert found["series"]["m"][1][:2] == [64.5, 192.5]


@pytest.mark.parametrize(
    ("last", "most", "width"),
    [(0, 256, 1), (1, 256, 1), (256, 256, 1), (257, 256, 2), (1000, 256, 4), (1025, 256, 8)],
)
def test_width_of_a_bucket_is_a_power_of_two(last, most, width):
    assert drawn.bucket_width(last, most) == width


def test_a_run_without_progress_has_no_curve(runs_of_class):
    assert drawn.curves([runs_of_class()], ["m"]) == {"at": [], "series": {}}
    assert drawn.curves([], []) == {"at": [], "series": {}}


def test_many_curves_get_fewer_points():
    assert drawn.points_for(1) == drawn.MOST_BUCKETS
    assert drawn.points_for(200 * 20) == 50
    assert drawn.points_for(10**6) == drawn.FEWEST_POINTS


def test_curves_are_read_from_the_index_alone(runs_of_class):
    """The key holds the values too; without that the heap would be read for every point."""
    from django.db import connection

    run = runs_of_class(points={"m": [(n, 1.0) for n in range(1, 2000)]}, done=2000)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {drawn.THINNED}", [[run.pk], [2000], [2], ["m"]])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Only Scan using training_metricpoint_pkey" in plan


def test_newest_that_a_query_finds_are_compared(student, runs_of_class):
    wanted = [runs_of_class(name=f"wanted {n}", level="L1") for n in range(3)]
    runs_of_class(name="other", level="L2")
    found = signed_in(student).get(API, {"q": "level = 'L1'"}).json()
    assert [s["name"] for s in found["subjects"]] == [run.name for run in reversed(wanted)]
    words = text_of(signed_in(student).get(PAGE, {"q": "level = 'L1'"}))
    assert "3 runs beside each other" in words
    assert "other" not in words.split("Metrics")[1]


@pytest.mark.parametrize("query", [{}, {"ids": ""}, {"q": " "}, {"ids": "x", "q": "a"}])
def test_api_wants_ids_or_a_query(student, query):
    response = signed_in(student).get(API, query)
    assert response.status_code == 422
    assert "expected one of them" in response.json()["errors"][0]["detail"]


def test_runs_out_of_sight_are_not_there(outsider, student, runs_of_class):
    one, two = runs_of_class(), runs_of_class()
    assert signed_in(outsider).get(API, {"ids": ids(one, two)}).status_code == 404
    assert (
        signed_in(outsider).get(API, {"q": "level = 'L0' OR NOT level = 'L0'"}).json()["subjects"]
        == []
    )
    mixed = signed_in(student).get(API, {"ids": f"{ids(one)},{uuid.uuid4()}"})
    assert mixed.status_code == 404
    words = text_of(signed_in(outsider).get(PAGE, {"run": [one.pk, two.pk]}))
    assert "2 of the runs asked for are left out" in words
    assert "Choose 2 to 200 runs" in words


def test_page_tells_what_is_left_out_and_draws_the_rest(student, runs_of_class):
    one, two = runs_of_class(name="one"), runs_of_class(name="</script><script>alert(1)")
    response = signed_in(student).get(PAGE, {"run": [one.pk, two.pk, "x", one.pk]})
    assert "1 of the runs asked for is left out" in text_of(response)
    html = response.content.decode()
    assert "<script>alert" not in html
    curves = json.loads(re.search(r'id="compare-curves"[^>]*>(.*?)</script>', html).group(1))
    assert curves["labels"] == [one.name, two.name]
    assert signed_in(student).get(curves["url"]).status_code == 200


def test_one_run_alone_is_not_compared(student, runs_of_class):
    words = text_of(signed_in(student).get(PAGE, {"run": runs_of_class().pk}))
    assert "Choose 2 to 200 runs" in words


def test_more_than_two_hundred_are_refused(student):
    many = ",".join(str(uuid.uuid4()) for _ in range(201))
    for address in (API, PAGE, "/runs/compare/csv/"):
        response = signed_in(student).get(address, {"ids": many})
        assert response.status_code == 422
        assert "found 201 runs; at most 200" in response.content.decode()


def test_two_hundred_fit_into_the_address_of_a_request(student):
    run_ids = ",".join(uuid.uuid4().hex for _ in range(200))
    assert len(f"GET {reverse('api-compare-runs')}?ids={run_ids} HTTP/1.1") < 8000
    assert signed_in(student).get(API, {"ids": run_ids}).status_code == 404


def test_csv_holds_what_the_page_shows(student, runs_of_class):
    one = runs_of_class(gamma=0.9, metrics={"loss": -2.0}, name="=1+1")
    two = runs_of_class(gamma=0.8, metrics={"loss": 1.0}, name="two")
    response = signed_in(student).get("/runs/compare/csv/", {"run": [one.pk, two.pk]})
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"] == 'attachment; filename="runs.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))
    assert [row["name"] for row in rows] == ["'=1+1", "two"]
    assert [row["params.brain.gamma"] for row in rows] == ["0.9", "0.8"]
    assert [row["metrics.loss"] for row in rows] == ["-2.0", "1.0"]


def test_a_wrong_query_is_told_on_page_and_file(student):
    for address in (PAGE, "/runs/compare/csv/"):
        response = signed_in(student).get(address, {"q": "levl = 'L1'"})
        assert response.status_code == 422
        assert "did you mean level?" in response.content.decode()
