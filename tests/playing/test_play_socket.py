"""The socket of the play page: questions with all moves in them, one answer each."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from registry.artifacts.store import store_file
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.live.watching import cookie_of
from tests.playing.boards import register_board_version
from tests.registry.checkpoints import checkpoint_bytes

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
PATIENCE_S = 60.0


class Table:
    """An open socket, as the page uses it."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self.number = 0

    def send(self, **message) -> None:
        self.connection.send(json.dumps(message))

    def ask(self, board: str, search=None, **opponent) -> None:
        self.number += 1
        self.send(type="think", id=self.number, board=board, opponent=opponent, search=search)

    def answer(self) -> dict:
        """The next message that is no interim one."""
        while (message := json.loads(self.connection.recv(PATIENCE_S)))["type"] == "thinking":
            pass
        return message


@pytest.fixture
def open_table(web_server):
    opened = []

    def opening(user) -> Table:
        headers = {"Cookie": cookie_of(user), "Origin": web_server}
        url = web_server.replace("http", "ws") + "/ws/play/"
        opened.append(connect(url, additional_headers=headers))
        return Table(opened[-1])

    yield opening
    for connection in opened:
        connection.close()


@pytest.fixture
def table(open_table, student) -> Table:
    return open_table(student)


@pytest.mark.parametrize("name", ["random", "one_ply", "minimax", "mcts"])
def test_a_program_answers_with_a_legal_column(table, name):
    table.ask("444444", name=name)
    answer = table.answer()
    assert answer["type"] == "thought", answer
    assert answer["move"] in {0, 1, 2, 4, 5, 6}
    assert answer["title"]


def test_the_solver_takes_the_win(table):
    table.ask("112233", name="solver")
    assert table.answer()["move"] == 3


def test_a_version_says_who_it_is_and_what_it_thought(table, instructor, classroom):
    version = register_board_version(instructor, classroom)
    table.ask("44", search={"simulations": 40}, model="dropper", version=version.number)
    answer = table.answer()
    assert (answer["model"], answer["version"]) == ("dropper", "1.0.0")
    assert sum(answer["visits"]) == 40
    table.ask("44", model="dropper", version=version.number)
    raw = table.answer()
    assert "visits" not in raw
    assert sum(raw["policy"]) == pytest.approx(1.0)


def test_a_version_out_of_sight_is_as_one_that_is_not(open_table, outsider, instructor, classroom):
    register_board_version(instructor, classroom)
    table = open_table(outsider)
    table.ask("4", model="dropper", version="1.0.0")
    answer = table.answer()
    assert answer["type"] == "error"
    assert "no model 'dropper'" in answer["text"]


def test_a_new_question_ends_the_one_before(table, instructor, classroom):
    register_board_version(instructor, classroom)
    long = {"simulations": 10_000, "time_limit_ms": 10_000}
    table.ask("", search=long, model="dropper", version="1.0.0")
    assert json.loads(table.connection.recv(PATIENCE_S))["type"] == "thinking"
    table.ask("4", search={"simulations": 10}, model="dropper", version="1.0.0")
    first, second = table.answer(), table.answer()
    assert (first["id"], second["id"]) == (1, 2)
    assert first["simulations"] < 10_000
    assert second["simulations"] == 10


def test_a_sign_of_life_is_given_without_ending_a_thought(table, instructor, classroom):
    register_board_version(instructor, classroom)
    table.ask("", search={"simulations": 300}, model="dropper", version="1.0.0")
    table.send(type="ping")
    answers = [table.answer(), table.answer()]
    assert {"type": "pong", "id": None} in answers
    [thought] = [answer for answer in answers if answer["type"] == "thought"]
    assert thought["simulations"] == 300


def test_a_version_of_something_else_is_refused_in_words(table, instructor, classroom):
    artifact = store_file(checkpoint_bytes(), "application/vnd.safetensors")
    model = ensure_model("walker", "town", instructor, classroom)
    register_version(model=model, artifact=artifact)
    table.ask("4", search={"simulations": 10}, model="walker", version="1.0.0")
    answer = table.answer()
    assert answer["type"] == "error"
    assert "expected" in answer["text"]
    assert "a network for Connect Four" in answer["text"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "think", "id": 1, "board": "8", "opponent": {"name": "random"}}, "digits 1 to 7"),
        ({"type": "think", "id": 1, "board": "", "opponent": {}}, "opponent"),
        ({"type": "think", "id": 1, "board": "", "opponent": {"name": "god"}}, "god"),
        ({"type": "resign"}, "resign"),
    ],
)
def test_nonsense_is_answered_in_words(table, message, words):
    table.send(**message)
    answer = table.answer()
    assert (answer["type"], answer["id"]) == ("error", None)
    assert words in answer["text"]


@pytest.mark.parametrize("board", ["1212121", "1111111"])
def test_a_game_that_is_over_or_cannot_be_is_refused(table, board):
    table.ask(board, name="random")
    answer = table.answer()
    assert (answer["type"], answer["id"]) == ("error", 1)


def test_who_signs_out_gets_no_further_move(open_table, student):
    table = open_table(student)
    table.ask("", name="random")
    assert table.answer()["type"] == "thought"
    student.set_password("another one")
    student.save()
    table.ask("4", name="random")
    with pytest.raises(ConnectionClosed) as closed:
        table.answer()
    assert closed.value.rcvd.code == 4401


def test_a_message_larger_than_any_question_closes_the_socket(table):
    table.connection.send("x" * 5000)
    with pytest.raises(ConnectionClosed) as closed:
        table.answer()
    assert closed.value.rcvd.code == 4413


def test_the_solver_answers_in_time_even_where_it_is_not_done(table):
    table.ask("44", name="solver")
    answer = table.answer()
    assert answer["type"] == "thought"
    assert answer["title"].startswith(("Minimax: so early", "Solver"))
    assert answer["ms"] < 30_000
