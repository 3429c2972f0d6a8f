"""Self-play as a job: what is kept, what a killed or stopped worker leaves, what is refused."""

from __future__ import annotations

import pytest

from registry import shutdown
from registry.jobs import execution, leases, services
from registry.jobs.models import Job, JobStatus
from registry.models import User
from registry.problems import pointer_of
from registry.services import ensure_model
from tests.games.conftest import GAMES, Program
from tests.jobs.rows import WORKER, register
from tests.playing.boards import register_board_version
from training.games import playing, queries
from training.games.models import Game, GameBlock

pytestmark = pytest.mark.django_db(transaction=True)
SELF_PLAY = "/api/v1/selfplay"
SEARCH = {"simulations": 6, "resign_off_share": 1.0}


def body(num_games: int = 24, **rest) -> dict:
    options = {"parallel_games": 12, "search": SEARCH, **rest.pop("options", {})}
    return {"num_games": num_games, "seed": 7, "options": options, **rest}


def done(job: Job) -> Job:
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def played(job: Job) -> list[tuple[int, bytes]]:
    found = Game.objects.filter(origin=job.pk).order_by("number")
    return [(game.number, bytes(game.moves)) for game in found]


def test_games_are_played_and_kept(teacher: Program) -> None:
    response = teacher.send(SELF_PLAY, body())
    assert response.status_code == 202
    data = response.json()
    assert response["Location"] == f"/api/v1/jobs/{data['job_id']}"
    assert (data["kind"], data["queue"]) == ("selfplay", "work")
    job = done(Job.objects.get(pk=data["job_id"]))
    assert (job.status, job.reason, job.done) == (JobStatus.SUCCEEDED, "", 24)
    games = list(Game.objects.all())
    assert job.result == {
        "games": 24,
        "mirrored": 0,
        "examples_generated": sum(game.plies for game in games),
        "seed": 7,
    }
    found = teacher.get(f"{GAMES}/{games[0].uid}").json()
    assert found["source"] == "self_play"
    assert found["players"]["red"] == {"type": "ai", "rating": None, "version": "uniform"}
    assert all(sum(move["visits"]) == SEARCH["simulations"] for move in found["moves"])
    assert GameBlock.objects.count() <= 4  # ten games or so in each


def test_the_same_seed_plays_the_same_games(instructor: User) -> None:
    jobs = [services.queue_job(instructor, body(), kind=playing.NAME)[0] for _ in range(2)]
    first, second = (played(done(job)) for job in jobs)
    assert first == second
    assert len({moves for _, moves in first}) > 12


def test_a_version_plays_against_itself(teacher: Program, instructor: User, classroom) -> None:
    version = register_board_version(instructor, classroom)
    response = teacher.send(SELF_PLAY, body(4, version=f"dropper/{version.number}"))
    job = done(Job.objects.get(pk=response.json()["job_id"]))
    assert (job.status, job.reason, job.version) == (JobStatus.SUCCEEDED, "", version)
    game = Game.objects.first()
    assert (game.red_version, game.yellow_version, game.classroom) == (version, version, classroom)
    listed = teacher.get(GAMES, version=f"dropper/{version.number}").json()["items"]
    assert len(listed) == 4
    assert listed[0]["players"]["red"]["version"] == f"dropper/{version.number}"


def test_mirrored_copies_are_marked(instructor: User) -> None:
    asked = body(6, options={"symmetric_games": True})
    job = done(services.queue_job(instructor, asked, kind=playing.NAME)[0])
    assert (job.result["games"], job.result["mirrored"]) == (6, 6)
    for image in Game.objects.filter(number__in=range(1, 12, 2)):
        original = Game.objects.get(origin=job.pk, number=image.number - 1)
        assert image.mirror_of == str(original.uid)
        ours, theirs = (next(queries.stream_games(of(game))) for game in (original, image))
        assert [6 - column for column in ours.moves] == list(theirs.moves)
        assert (ours.visits[:, ::-1] == theirs.visits).all()


def of(game: Game):
    return Game.objects.filter(pk=game.pk)


def test_a_worker_that_is_stopped_loses_the_games_in_progress_alone(
    instructor: User, monkeypatch
) -> None:
    whole = played(done(services.queue_job(instructor, body(), kind=playing.NAME)[0]))
    job, _ = services.queue_job(instructor, body(), kind=playing.NAME)
    write = leases.write

    def stop_after_ten(lease, **changes):
        if changes.get("done", 0) >= 10:
            shutdown.FLAG[0] = 1
        return write(lease, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "write", stop_after_ten)
        done(job)
    shutdown.FLAG[0] = 0
    assert job.status == JobStatus.QUEUED
    assert 10 <= job.done == len(played(job)) < 24
    done(job)
    assert job.result["games"] == 24
    assert played(job) == whole


def test_games_of_a_group_that_are_kept_already_are_not_kept_twice(instructor: User) -> None:
    """As a worker leaves it that died after some games and before its group was whole."""
    job, _ = services.queue_job(instructor, body(12), kind=playing.NAME)
    done(job)
    before = played(job)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED, state=None)
    Game.objects.filter(number__gte=10).delete()
    done(job)
    assert played(job) == before


def test_drawn_plies_are_no_targets(instructor: User) -> None:
    asked = body(4, options={"exploration_rate": 1.0})
    done(services.queue_job(instructor, asked, kind=playing.NAME)[0])
    for game in queries.stream_games(Game.objects.all()):
        assert game.explored.all()


def test_only_who_starts_runs_starts_self_play(program: Program) -> None:
    assert program.send(SELF_PLAY, body()).status_code == 403


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"num_games": 0}, "num_games"),
        ({"num_games": 1.5}, "num_games"),
        ({"options": {"search": {"simulations": 0}}}, "options.search.simulations"),
        ({"options": {"colour": 1}}, "options.colour"),
        ({"options": {"temperature": -1}}, "options.search.temperature.first"),
        ({"device": "tpu"}, "device"),
        ({"version": "walker"}, "version"),
        ({"classroom": "Elsewhere"}, "classroom"),
        ({"games": 3}, "games"),
    ],
)
def test_a_fault_is_named_and_nothing_is_queued(teacher: Program, changes, path: str) -> None:
    response = teacher.send(SELF_PLAY, {"num_games": 4, **changes})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"].startswith(pointer_of(path))
    assert not Job.objects.exists()


def test_a_version_of_another_system_is_refused(
    teacher: Program, instructor: User, classroom
) -> None:
    register(ensure_model("walker", "town", instructor, classroom))
    response = teacher.send(SELF_PLAY, {"num_games": 4, "version": "walker@latest"})
    assert "as a network for Connect Four has" in response.json()["errors"][0]["detail"]
    assert teacher.send(SELF_PLAY, {"num_games": 4, "version": "no/1.0.0"}).status_code == 404
