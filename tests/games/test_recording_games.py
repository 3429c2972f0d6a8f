"""Games over REST: sending, refusing, finding, and who may see them."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from registry.accounts.models import Role
from registry.artifacts.store import artifact_path
from registry.models import User
from registry.problems import pointer_of
from registry.queries import find_version
from tests.games.conftest import GAMES, Program
from tests.games.records import RED_WINS, YELLOW_WINS, record, searched
from tests.jobs.rows import register
from tests.running.people import make_person
from training.games import queries, rows
from training.games.models import Game, GameBlock

pytestmark = pytest.mark.django_db


def problems(response) -> dict[str, str]:
    assert response.status_code == 422, response.content
    return {error["pointer"]: error["detail"] for error in response.json()["errors"]}


def ids(response) -> list[str]:
    return [item["game_id"] for item in response.json()["items"]]


# -- sending --------------------------------------------------------------------------------------


def test_a_game_is_kept_and_read_back(program: Program) -> None:
    sent = record(metadata={"event": "Friday"}, timestamp="2026-01-02T03:04:05Z")
    response = program.send(GAMES, sent)
    data = response.json()
    assert response.status_code == 201
    assert response["Location"] == data["url"] == f"{GAMES}/{data['game_id']}"
    assert (data["move_string"], data["plies"], data["source"]) == (RED_WINS, 7, "human")
    assert data["result"] == {"winner": "Red", "reason": "normal"}
    assert data["players"]["yellow"] == {"type": "ai", "rating": 1200.0, "version": None}
    assert data["metadata"] == {"event": "Friday"}
    assert data["timestamp"].startswith("2026-01-02T03:04:05")
    assert program.get(data["url"]).json() == data
    assert Game.objects.get().moves  # 3 bits each
    assert len(Game.objects.get().moves) == 3


def test_camel_case_names_are_read(program: Program) -> None:
    sent = record()
    sent["moves"][0]["thinkingTimeMs"] = 250
    data = program.send(GAMES, sent).json()
    assert data["moves"][0]["thinking_time_ms"] == 250
    assert "thinking_time_ms" not in data["moves"][1]


def test_what_a_search_found_lies_in_a_block_and_comes_back(program: Program) -> None:
    data = program.send(GAMES, searched()).json()
    assert data["searched"]
    assert data["moves"][3]["visits"] == [3, 1, 2, 3, 2, 1, 0]
    assert data["moves"][3]["value"] == pytest.approx(0.3)
    block = GameBlock.objects.get()
    assert block.games_count == 1
    assert artifact_path(block.artifact).read_bytes()[:4] == b"\x28\xb5\x2f\xfd"  # zstandard


@pytest.mark.parametrize(
    ("sent", "path", "words"),
    [
        (record("44444444"), "moves[6].position", "ply 6"),
        (record("434343"), "result", "game is not over"),
        (record(winner="Yellow"), "result", "says Red"),
        (record(RED_WINS + "1"), "moves[7].position", "ply 7"),
        (record("8"), "moves[0].position", "from 0 to 6"),
        (record(moves=""), "moves", "found"),
        (record(colour="red"), "colour", "unknown field"),
        (record(consent="yes"), "consent", "true or false"),
        (record(classroom="Elsewhere"), "classroom", "class you are in"),
        (record(players={"red": {"type": "human"}}), "players.yellow", "missing"),
        (record(metadata={"deep": {"a": 1}}), "metadata.deep", "expected a number"),
        ([], "(document)", "expected a game"),
    ],
)
def test_what_contradicts_the_rules_is_refused_with_its_ply(
    program: Program, sent, path: str, words: str
) -> None:
    found = problems(program.send(GAMES, sent))
    assert words in found[pointer_of(path)]
    assert not Game.objects.exists()


def test_a_board_that_disagrees_with_the_replay_is_refused(program: Program) -> None:
    sent = record()
    sent["moves"][2]["board"] = "44"
    assert "ply 2: the board differs" in problems(program.send(GAMES, sent))["/moves/2/board"]


def test_every_fault_is_named_at_once(program: Program) -> None:
    sent = record("99", winner="Nobody", consent=1, classroom="X")
    assert {"/moves/0/position", "/moves/1/position", "/result/winner", "/consent"} <= set(
        problems(program.send(GAMES, sent))
    )


def test_the_same_id_and_game_is_kept_once(program: Program) -> None:
    first = program.send(GAMES, record(id="friday-1"))
    again = program.send(GAMES, record(id="friday-1"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["game_id"] == again.json()["game_id"]
    assert first.json()["id"] == "friday-1"
    other = program.send(GAMES, record(YELLOW_WINS, winner="Yellow", id="friday-1"))
    assert other.status_code == 409
    assert first.json()["game_id"] in other.json()["detail"]
    assert Game.objects.count() == 1


def test_the_same_key_makes_one_game(program: Program) -> None:
    first = program.send(GAMES, record(), Idempotency_Key="k-1")
    again = program.send(GAMES, record(), Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["game_id"] == again.json()["game_id"]
    other = record(YELLOW_WINS, winner="Yellow")
    assert program.send(GAMES, other, Idempotency_Key="k-1").status_code == 409
    assert program.send(GAMES, other, Idempotency_Key=" ").status_code == 422


def test_a_version_in_sight_is_linked_and_another_stays_a_name(
    program: Program, student: User, instructor: User, classroom
) -> None:
    from registry.services import ensure_model

    register(ensure_model("walker", "town", instructor, classroom))
    number = find_version(student, "walker", "latest").number
    players = {
        "red": {"type": "ai", "version": f"walker/{number}"},
        "yellow": {"type": "ai", "version": "nobody/1.0.0"},
    }
    data = program.send(GAMES, record(players=players)).json()
    assert data["players"]["red"]["version"] == f"walker/{number}"
    assert data["players"]["yellow"]["version"] == "nobody/1.0.0"
    assert Game.objects.get().yellow_version is None
    assert (data["source"], data["consent"]) == ("import", None)
    assert len(ids(program.get(GAMES, version=f"walker/{number}"))) == 1
    assert program.get(GAMES, version="nobody/1.0.0").status_code == 422


# -- who sees what --------------------------------------------------------------------------------


def test_a_class_sees_what_its_players_agreed_to_show(
    program: Program, teacher: Program, outsider: User, classroom
) -> None:
    named = {"classroom": classroom.name}
    shown = program.send(GAMES, record(consent=True, **named)).json()
    hidden = program.send(GAMES, record(YELLOW_WINS, winner="Yellow", **named)).json()
    own = program.send(GAMES, record(id="mine", consent=True)).json()
    assert ids(teacher.get(GAMES)) == [shown["game_id"]]
    assert teacher.get(hidden["url"]).status_code == 404
    assert {shown["game_id"], hidden["game_id"], own["game_id"]} == set(ids(program.get(GAMES)))
    assert Program(outsider).get(shown["url"]).status_code == 404


def test_even_an_admin_learns_from_no_game_without_consent(program: Program, admin: User) -> None:
    hidden = program.send(GAMES, record()).json()
    program.send(GAMES, record(YELLOW_WINS, winner="Yellow", consent=True))
    assert len(ids(Program(admin).get(GAMES))) == 2
    usable = queries.usable_games(admin)
    assert str(usable.get().uid) != hidden["game_id"]
    assert queries.usable_games(Game.objects.first().owner).count() == 2


def test_nobody_else_is_told_that_a_game_exists(program: Program) -> None:
    assert program.get(f"{GAMES}/{uuid.uuid4()}").status_code == 404
    assert Client().get(GAMES).status_code == 401


# -- lists ----------------------------------------------------------------------------------------


def test_lists_are_paged_and_filtered(program: Program) -> None:
    sent = [
        record(timestamp=f"2026-01-0{day}T00:00:00Z", id=f"game-{day}") for day in range(1, 4)
    ] + [
        record(YELLOW_WINS, winner="Yellow", timestamp="2025-01-01T00:00:00Z", source="tournament")
    ]
    made = [program.send(GAMES, one).json()["game_id"] for one in sent]
    page = program.get(GAMES, limit="2").json()
    assert [item["game_id"] for item in page["items"]] == [made[2], made[1]]
    assert ids(program.get(page["next"])) == [made[0], made[3]]
    assert ids(program.get(GAMES, result="Yellow")) == [made[3]]
    assert ids(program.get(GAMES, source="tournament", player="ai", mine="true")) == [made[3]]
    assert ids(program.get(GAMES, run=str(uuid.uuid4()))) == []
    faults = problems(program.get(GAMES, source="x", result="y", run="z", version="w"))
    assert set(faults) == {"/source", "/result", "/run", "/version"}


def test_games_stream_whole_with_each_block_opened_once(
    program: Program, student: User, monkeypatch
) -> None:
    for number in range(5):
        program.send(GAMES, searched(id=f"g-{number}"))
    monkeypatch.setattr(queries, "AT_ONCE", 2)
    found = list(queries.stream_games(queries.usable_games(student)))
    assert [game.id for game in found] == [f"g-{number}" for number in range(5)]
    assert all(game.visits[3].tolist() == [3, 1, 2, 3, 2, 1, 0] for game in found)


def test_a_student_elsewhere_may_use_the_same_ids(program: Program, classroom) -> None:
    other = Program(make_person("other", Role.STUDENT, classroom))
    assert program.send(GAMES, record(id="a")).status_code == 201
    assert other.send(GAMES, record(YELLOW_WINS, winner="Yellow", id="a")).status_code == 201
    assert {rows.id_of(game) for game in Game.objects.all()} == {"a"}
