"""Tournaments as jobs: who meets whom, what is kept, what a stopped worker leaves, refusals."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hamlet.datasets.options import read_options
from hamlet.datasets.targets import examples_of
from hamlet.search.openings import balanced_openings
from registry import shutdown
from registry.jobs import leases
from registry.jobs.models import Job, JobStatus
from registry.models import User
from registry.problems import pointer_of
from registry.services import ensure_model
from tests.games.conftest import GAMES, Program
from tests.jobs.rows import register
from tests.league.conftest import TOURNAMENTS, body, done, played, queued
from tests.playing.boards import register_board_version
from tests.running.people import make_classroom
from training.games import rows
from training.games.models import Game
from training.league.entrants import in_words

pytestmark = pytest.mark.django_db(transaction=True)
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual" / "games.md"


def test_every_two_players_meet_from_both_seats_of_each_opening(teacher: Program) -> None:
    response = teacher.send(TOURNAMENTS, body("random", {"name": "one_ply"}, "minimax"))
    assert response.status_code == 202, response.content
    data = response.json()
    assert response["Location"] == f"/api/v1/jobs/{data['job_id']}"
    assert (data["kind"], data["queue"]) == ("tournament", "work")
    assert data["progress"] == {"done": 0, "total": 12, "unit": "game"}
    job = done(Job.objects.get(pk=data["job_id"]))
    assert (job.status, job.reason, job.done) == (JobStatus.SUCCEEDED, "", 12)
    seats = Counter((red, yellow) for _, red, yellow, _ in played(job))
    assert len(seats) == 6
    assert set(seats.values()) == {2}
    begun = Counter()
    for game in Game.objects.all():
        moves = rows.without_search(game).moves
        opening = "".join(str(column + 1) for column in moves[: game.metadata["opening_plies"]])
        assert opening in balanced_openings()
        begun[opening, frozenset((game.red_name, game.yellow_name))] += 1
    assert set(begun.values()) == {2}
    assert job.result["games"] == 12
    assert job.result["seed"] == 7
    assert [rating["games"] for rating in job.result["ratings"]] == [8, 8, 8]
    listed = teacher.get(GAMES, source="tournament").json()["items"]
    assert len(listed) == 12
    assert listed[0]["players"]["red"]["type"] == "ai"


def test_moves_of_an_opening_are_nobodys_and_no_target_of_a_policy(teacher: Program) -> None:
    response = teacher.send(TOURNAMENTS, body())
    job = done(Job.objects.get(pk=response.json()["job_id"]))
    kept = Game.objects.filter(origin=job.pk).select_related("block__artifact").order_by("number")
    games = list(rows.with_search(kept))
    given = [ply < game.metadata["opening_plies"] for game in games for ply in range(game.plies)]
    for include_policy in (False, True):
        examples, _ = examples_of(games, read_options({"include_policy": include_policy}))
        assert (~examples["policy"].any(axis=1)).tolist() == given
    assert 0 < sum(given) < len(given)
    moves = teacher.get(f"{GAMES}/{kept[0].uid}").json()["moves"]
    begun = kept[0].metadata["opening_plies"]
    assert [move.get("explored", False) for move in moves] == [
        ply < begun for ply in range(len(moves))
    ]


def test_the_same_seed_plays_the_same_games_and_another_one_others(instructor: User) -> None:
    first, second = (played(done(queued(instructor))) for _ in range(2))
    assert first == second
    other = played(done(queued(instructor, seed=8)))
    assert {row[3] for row in other}.isdisjoint(row[3] for row in first)


def test_a_version_plays_with_and_without_search(instructor: User, classroom) -> None:
    version = register_board_version(instructor, classroom)
    named = f"dropper/{version.number}"
    searching = {"version": "dropper@latest", "simulations": 8}
    job = done(queued(instructor, "random", named, searching, games=2))
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    assert job.classroom == classroom
    names = {rating["player"] for rating in job.result["ratings"]}
    assert names == {"random", named, f"{named} @8"}
    game = Game.objects.filter(red_name=f"{named} @8").first()
    assert (game.red_version, game.classroom, game.source) == (version, classroom, "tournament")


def test_the_solver_loses_to_nobody(instructor: User) -> None:
    job = done(queued(instructor, "solver", "one_ply", games=2))
    assert job.status == JobStatus.SUCCEEDED, job.reason
    (perfect,) = [one for one in job.result["ratings"] if one["player"] == "solver"]
    assert perfect["wins"] + perfect["draws"] >= 1
    assert perfect["bound"] in (None, "at_least")


def test_versions_of_two_classes_are_shown_to_neither(instructor: User, classroom) -> None:
    elsewhere = make_classroom("Elsewhere")
    register_board_version(instructor, classroom)
    register_board_version(instructor, elsewhere, "roller")
    assert queued(instructor, "dropper@latest", "random").classroom == classroom
    assert queued(instructor, "dropper@latest", "roller@latest").classroom is None


def test_a_stopped_worker_leaves_whole_batches_and_another_goes_on(
    instructor: User, monkeypatch
) -> None:
    whole = played(done(queued(instructor, games=44)))
    job = queued(instructor, games=44)
    write = leases.write

    def stop_after_the_first(lease, **changes):
        if changes.get("done", 0) >= 20:
            shutdown.FLAG[0] = 1
        return write(lease, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "write", stop_after_the_first)
        done(job)
    shutdown.FLAG[0] = 0
    assert (job.status, job.done) == (JobStatus.QUEUED, 20)
    assert played(job) == whole[:20]
    done(job)
    assert (job.status, job.done, job.result["games"]) == (JobStatus.SUCCEEDED, 44, 44)
    assert played(job) == whole


def test_games_that_are_kept_already_are_not_kept_twice(instructor: User) -> None:
    """As where a worker begins anew over games of an earlier attempt."""
    job = done(queued(instructor))
    before = played(job)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED, state=None, done=0)
    Game.objects.filter(number__gte=2).delete()
    done(job)
    assert played(job) == before
    assert job.result["games"] == 4


def test_a_version_that_its_asker_may_no_longer_see_fails_the_job(
    instructor: User, outsider: User, classroom
) -> None:
    register_board_version(instructor, classroom)
    job = queued(instructor, "random", "dropper@latest")
    Job.objects.filter(pk=job.pk).update(owner=outsider)
    done(job)
    assert job.status == JobStatus.FAILED
    assert "dropper" in job.reason
    assert not Game.objects.exists()


def test_only_who_starts_runs_starts_tournaments(program: Program) -> None:
    assert program.send(TOURNAMENTS, body()).status_code == 403


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"players": ["random"]}, "players"),
        ({"players": ["random"] * 17}, "players"),
        ({"players": ["random", "random"]}, "players[1]"),
        ({"players": ["random", "minmax"]}, "players[1].name"),
        ({"players": ["random", 3]}, "players[1]"),
        ({"players": ["random", {"name": "minimax", "depth": 3}]}, "players[1].depth"),
        ({"players": ["random", {"version": "walker"}]}, "players[1].version"),
        ({"players": ["random", {"version": "a/1.0.0", "simulations": 0}]}, "players[1].simulati"),
        ({"games_per_pair": 3}, "games_per_pair"),
        ({"games_per_pair": 194}, "games_per_pair"),
        ({"device": "tpu"}, "device"),
        ({"classroom": "Elsewhere"}, "classroom"),
        ({"rounds": 3}, "rounds"),
    ],
)
def test_a_fault_is_named_and_nothing_is_queued(teacher: Program, changes, path: str) -> None:
    response = teacher.send(TOURNAMENTS, {"players": ["random", "one_ply"], **changes})
    assert response.status_code == 422, response.content
    assert response.json()["errors"][0]["pointer"].startswith(pointer_of(path))
    assert not Job.objects.exists()


def test_a_version_out_of_sight_or_of_another_system_is_refused(
    teacher: Program, instructor: User, classroom
) -> None:
    register(ensure_model("walker", "town", instructor, classroom))
    response = teacher.send(TOURNAMENTS, body("random", "walker@latest"))
    assert response.status_code == 422
    assert "as a network for Connect Four has" in response.json()["errors"][0]["detail"]
    assert teacher.send(TOURNAMENTS, body("random", "no/1.0.0")).status_code == 404


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (" minimax", {"name": "minimax"}),
        ("m/1.0.0", {"version": "m/1.0.0"}),
        ("m/1.0.0@64", {"version": "m/1.0.0", "simulations": 64}),
        ("m/1.0.0 @64", {"version": "m/1.0.0", "simulations": 64}),
        ("m@best", {"version": "m@best"}),
        ("m@best@64", {"version": "m@best", "simulations": 64}),
    ],
)
def test_what_people_write_for_a_player(text: str, meant: dict) -> None:
    assert in_words(text) == meant


def test_what_the_manual_prints_is_taken(teacher: Program, instructor: User, classroom) -> None:
    register_board_version(instructor, classroom)
    printed = MANUAL.read_text("utf-8").split("/api/v1/tournaments ")[1]
    sent = json.loads(printed.split(" -d '")[1].partition("'")[0])
    response = teacher.send(TOURNAMENTS, sent)
    assert response.status_code == 202, response.content
    assert response.json()["progress"]["total"] == 60
