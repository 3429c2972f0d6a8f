"""Games against perfect play: from the end backwards, kept by position, whatever dies meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hamlet.search import analysis
from hamlet.search.solver import solve
from registry import shutdown
from registry.jobs import execution, leases
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.games.conftest import GAMES, Program
from tests.games.records import record
from tests.jobs.rows import WORKER
from training.games import analyses
from training.games.models import Game, PositionFinding

pytestmark = pytest.mark.django_db(transaction=True)
ENDED = 30  # from here on every position is solved in no time
# Drawn by lot; Red wins with its last stone but one.
COLUMNS = [5, 1, 0, 5, 0, 1, 6, 5, 0, 0, 5, 3, 3, 3, 5, 1, 4, 4, 1, 5, 4]
COLUMNS += [4, 0, 1, 3, 1, 3, 2, 4, 3, 2, 2, 4, 6, 0, 6, 6, 6, 2, 6, 2]


@pytest.fixture
def game(program: Program) -> dict:
    response = program.send(GAMES, sent())
    assert response.status_code == 201, response.content
    know_the_opening()
    return response.json()


def know_the_opening() -> None:
    """An opening takes the solver long without its book, so here it is known from an earlier
    analysis: as if both had played perfectly until the end that is solved."""
    line = analysis.line_of(COLUMNS[:ENDED])
    score = solve(line[ENDED])
    for position, column in zip(reversed(line[:ENDED]), reversed(COLUMNS[:ENDED]), strict=True):
        score = -score
        best = list(analysis.the_way_of(position, [column]))
        PositionFinding.objects.create(
            canonical_key=position.canonical_key, score=score, best_columns=best
        )


def sent() -> dict:
    return record("".join(str(column + 1) for column in COLUMNS), winner="Red")


def done() -> Job:
    job = Job.objects.get()
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def test_who_asks_first_starts_it_and_others_find_it(program: Program, game: dict) -> None:
    first = program.get(game["analysis_url"])
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert first["Location"] == game["analysis_url"]
    assert program.get(game["analysis_url"]).status_code == 202
    job = done()
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    answer = program.get(game["analysis_url"])
    data = answer.json()
    assert (answer.status_code, data["status"]) == (200, "succeeded")
    assert [move["ply"] for move in data["moves"]] == list(range(game["plies"]))
    assert [move["played"] for move in data["moves"]] == [m["position"] for m in game["moves"]]
    assert data["progress"] == {"done": game["plies"], "total": game["plies"], "unit": "position"}
    assert Job.objects.count() == 1


def test_scores_are_those_of_perfect_play(program: Program, game: dict) -> None:
    """A position is worth what the best column is worth, seen from the other side."""
    program.get(game["analysis_url"])
    moves = sorted(done().result["moves"], key=lambda move: move["ply"])[ENDED:]
    for before, after in pairwise(moves):
        assert before["score_after"] == -after["score_before"]
        assert (before["mistake"] == "none") == (before["played"] in before["best_columns"])


def test_moves_appear_from_the_end_backwards_and_survive_a_stop(
    program: Program, game: dict, monkeypatch
) -> None:
    program.get(game["analysis_url"])
    write = leases.write

    def stop_at_three(lease, **changes):
        if changes.get("done") == 3:
            shutdown.FLAG[0] = 1
        return write(lease, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "write", stop_at_three)
        job = done()
    shutdown.FLAG[0] = 0
    assert job.status == JobStatus.QUEUED
    partly = program.get(game["analysis_url"]).json()
    last = game["plies"] - 1
    assert [move["ply"] for move in partly["moves"]] == [last - 2, last - 1, last]
    asked: list[int] = []
    find = analysis.find

    def noted(position, *rest):
        asked.append(position.ply)
        return find(position, *rest)

    monkeypatch.setattr(analysis, "find", noted)
    assert done().status == JobStatus.SUCCEEDED
    assert asked == list(range(last - 3, ENDED - 1, -1))


def test_an_opening_is_left_to_the_workers_for_long_work(program: Program, game: dict) -> None:
    position = analysis.line_of(COLUMNS)[5]
    kept = PositionFinding.objects.get(canonical_key=position.canonical_key)
    kept.delete()
    program.get(game["analysis_url"])
    job = done()
    assert (job.status, job.queue, job.attempts) == (JobStatus.QUEUED, "work", 0)
    assert job.done == game["plies"] - 6, "everything after that position is there already"
    PositionFinding.objects.create(
        canonical_key=position.canonical_key, score=kept.score, best_columns=kept.best_columns
    )
    job = done()
    assert (job.status, job.queue) == (JobStatus.SUCCEEDED, "work")


def test_positions_are_solved_once_and_their_mirror_images_never(
    program: Program, game: dict, monkeypatch
) -> None:
    program.get(game["analysis_url"])
    first = done().result["moves"]
    assert PositionFinding.objects.count() == game["plies"]
    image = sent()
    for move in image["moves"]:
        move["position"] = 6 - move["position"]
    mirrored = program.send(GAMES, image).json()
    monkeypatch.setattr(analysis, "find", None)
    Job.objects.all().delete()
    program.get(mirrored["analysis_url"])
    second = done().result["moves"]
    assert [move["score_before"] for move in second] == [move["score_before"] for move in first]
    # The empty board is its own mirror image, and was not solved here.
    for ours, theirs in list(zip(first, second, strict=True))[:-1]:
        assert ours["best_columns"] == sorted(6 - column for column in theirs["best_columns"])


def test_a_failed_analysis_says_why_and_is_tried_again_when_asked(
    program: Program, game: dict, monkeypatch
) -> None:
    program.get(game["analysis_url"])
    with monkeypatch.context() as patch:
        patch.setattr(analyses, "report", None)
        assert done().status == JobStatus.FAILED
    data = program.get(game["analysis_url"]).json()
    assert (data["status"], data["moves"]) == ("failed", [])
    assert "TypeError" in data["reason"]
    assert program.send(game["analysis_url"], None).status_code == 202
    assert done().status == JobStatus.SUCCEEDED


def test_a_game_out_of_sight_is_not_analysed(game: dict, outsider: User) -> None:
    assert Program(outsider).get(game["analysis_url"]).status_code == 404
    assert not Job.objects.exists()


def test_two_who_ask_at_once_make_one_job(program: Program, student: User, game: dict) -> None:
    seen = Game.objects.select_related("analysis").get()
    analyses.started(student, seen)
    analyses.started(student, seen)  # as it was seen before
    assert Job.objects.count() == 1
