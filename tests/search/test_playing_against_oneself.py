"""Games of self-play: what is kept of them, and that nothing is lost when they are interrupted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError, SpecError
from hamlet.search.games_in_progress import GamesInProgress
from hamlet.search.resignation import Resignation
from hamlet.search.self_play import SelfPlay, SelfPlaySettings
from hamlet.search.self_play_games import SelfPlayGame
from hamlet.search.settings import SearchSettings
from hamlet.state_tree import put_together, take_apart
from tests.search.evaluators_for_tests import ByFormula, Watched

SEARCH = {"simulations": 24, "resign_below": -1.0}


def settings(search: dict | None = None, **fields) -> SelfPlaySettings:
    return SelfPlaySettings.from_data(
        {"search": {**SEARCH, **(search or {})}, "parallel_games": 6, **fields}
    )


def played(self_play: SelfPlay) -> list[SelfPlayGame]:
    games = []
    while not self_play.done:
        games += self_play.advance()
    return games


def plain(games: list[SelfPlayGame]) -> list:
    return [
        (
            *(game.number, game.text, game.winner, game.resigned, game.mirrored),
            *(game.visits.tolist(), game.values.tolist(), game.explored.tolist()),
        )
        for game in sorted(games, key=lambda game: (game.number, game.mirrored))
    ]


@pytest.mark.parametrize("root", ["puct", "gumbel"])
def test_finished_games_are_whole(root: str) -> None:
    games = played(SelfPlay(ByFormula(), settings({"root": root}), 1, games=15))
    assert sorted(game.number for game in games) == list(range(15))
    for game in games:
        position = Position.after(game.moves.tolist())
        assert position.ended
        assert position.winner == game.winner
        assert game.visits.dtype == np.uint16
        assert (game.visits.sum(axis=1) == 24).all()
        assert game.policies.sum(axis=1) == pytest.approx(np.ones(len(game)), abs=1e-5)
        assert (game.visits[np.arange(len(game)), game.moves] > 0).all()
        assert (game.policies[~game.boards().legal()] == 0).all()
        assert (np.abs(game.values) <= 1).all()
    assert len({game.text for game in games}) > 10


def test_values_and_outcomes_are_those_of_the_side_to_move() -> None:
    games = played(SelfPlay(ByFormula(), settings(), 2, games=12))
    won = [game for game in games if game.winner]
    assert won
    for game in won:
        # The last mover won, and with 24 visits of a win in one it knew.
        assert game.outcomes()[-1] == 1.0
        assert (game.outcomes()[:-1] == -game.outcomes()[1:]).all()
        assert game.outcomes()[0] == (1.0 if game.winner == 1 else -1.0)


def test_games_do_not_depend_on_how_many_run_side_by_side() -> None:
    many = played(SelfPlay(ByFormula(), settings(parallel_games=5), 3, games=9))
    one = played(SelfPlay(ByFormula(), settings(parallel_games=1), 3, games=9))
    assert plain(many) == plain(one)
    other = played(SelfPlay(ByFormula(), settings(parallel_games=5), 4, games=9))
    assert plain(other) != plain(many)


def test_explored_plies_are_marked_and_teach_no_policy() -> None:
    games = played(SelfPlay(ByFormula(), settings(exploration_rate=0.3), 5, games=20))
    explored = np.concatenate([game.explored for game in games])
    assert explored.mean() == pytest.approx(0.3, abs=0.08)
    for game in games:
        targets = game.targets()
        assert (targets[game.explored] == 0).all()
        assert (targets[~game.explored] == game.policies[~game.explored]).all()
    assert not np.concatenate(
        [game.explored for game in played(SelfPlay(ByFormula(), settings(), 5, games=5))]
    ).any()


def test_mirrored_games_are_images_marked_as_such() -> None:
    games = played(SelfPlay(ByFormula(), settings(symmetric_games=True), 6, games=7))
    assert len(games) == 14
    for game, image in zip(games[::2], games[1::2], strict=True):
        assert (game.mirrored, image.mirrored) == (False, True)
        assert game.number == image.number
        assert (image.moves == 6 - game.moves).all()
        assert (image.visits == game.visits[:, ::-1]).all()
        assert (image.policies == game.policies[:, ::-1]).all()
        assert (image.boards().mirror().own == game.boards().own).all()
        assert image.winner == game.winner


def test_interrupted_self_play_goes_on_to_the_last_bit() -> None:
    fields = {"search": {"resign_below": -0.3, "transposition": True}, "exploration_rate": 0.1}
    through = SelfPlay(ByFormula(), settings(**fields), 7, games=20)
    first = [game for _ in range(17) for game in through.advance()]
    form, tensors = take_apart(through.state_dict())
    rest = played(through)
    resumed = SelfPlay(ByFormula(), settings(**fields), 7, games=20)
    resumed.load_state_dict(put_together(json.loads(json.dumps(form)), tensors))
    assert plain(played(resumed)) == plain(rest)
    assert len(first) + len(rest) == 20
    assert resumed.resignation.state_dict() == through.resignation.state_dict()


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("progress"),
        lambda state: state.update(started=-1),
        lambda state: state["progress"]["lengths"].fill_(43),
        lambda state: state["progress"]["moves"].fill_(7),
        lambda state: state["resignation"].update(limit=0.5),
        lambda state: state["search"].pop("used"),
    ],
)
def test_damaged_state_is_refused(damage) -> None:
    self_play = SelfPlay(ByFormula(), settings(), 7)
    self_play.advance()
    state = self_play.state_dict()
    damage(state)
    with pytest.raises(CheckpointError, match="self_play"):
        SelfPlay(ByFormula(), settings(), 7).load_state_dict(state)


class Pessimist:
    """Red is always lost, says this evaluator."""

    def __call__(self, own, occupied):
        red_to_move = np.bitwise_count(occupied) % 2 == 0
        values = np.where(red_to_move, -0.99, 0.99).astype(np.float32)
        return np.zeros((len(own), 7), np.float32), values


def test_side_that_is_lost_resigns_after_so_many_moves_of_its_own() -> None:
    search = {"resign_below": -0.9, "resign_plies": 3, "resign_off_share": 0.0}
    games = played(SelfPlay(Pessimist(), settings(search), 8, games=10))
    for game in games:
        assert game.resigned
        assert game.winner == 2
        assert len(game) == 4  # Red despairs at plies 0, 2 and 4, and does not play the last
        assert not game.plays_on


def test_games_played_on_measure_how_often_resigning_is_wrong() -> None:
    search = {"resign_below": -0.9, "resign_plies": 2, "resign_off_share": 0.5}
    self_play = SelfPlay(Pessimist(), settings(search), 9, games=60)
    games = played(self_play)
    on = [game for game in games if game.plays_on]
    assert 15 < len(on) < 45
    assert all(game.resigned for game in games if not game.plays_on and self_play_limit_held(game))
    assert not any(game.resigned for game in on)
    resignation = self_play.resignation
    assert resignation.total_measured == len(on)
    assert resignation.total_false == sum(game.winner != 2 for game in on)


def self_play_limit_held(game: SelfPlayGame) -> bool:
    """Games that began before the limit was lowered."""
    return game.number < 10


def record(winner: int, *, plays_on: bool = True) -> SelfPlayGame:
    nothing = np.zeros((0, 7), np.float32)
    return SelfPlayGame(
        number=0, moves=np.zeros(0, np.int8), winner=winner, visits=nothing.astype(np.uint16),
        policies=nothing, values=np.zeros(0, np.float32), explored=np.zeros(0, np.bool_),
        resigned=False, plays_on=plays_on,
    )  # fmt: skip


def test_limit_is_lowered_when_more_than_five_percent_were_wrong() -> None:
    resignation = Resignation(SearchSettings(resign_below=-0.9))
    red = np.array([True, False])
    for _ in range(39):
        resignation.learn(record(2), red)
    resignation.learn(record(1), red)
    resignation.learn(record(0), red)  # a draw is no loss either: 2 of 41 are below 5 %
    assert resignation.limit == -0.9
    resignation.learn(record(1), red)
    assert resignation.limit == pytest.approx(-0.95)
    assert (resignation.measured, resignation.false) == (0, 0)
    assert (resignation.total_measured, resignation.total_false) == (42, 3)


def test_few_resignations_say_nothing_yet_and_other_games_nothing_at_all() -> None:
    resignation = Resignation(SearchSettings(resign_below=-0.9))
    for _ in range(19):
        resignation.learn(record(1), np.array([True, False]))
    for _ in range(50):
        resignation.learn(record(1, plays_on=False), np.array([True, True]))
        resignation.learn(record(1), np.array([False, False]))
    assert resignation.limit == -0.9
    assert resignation.total_measured == 19


def test_moves_below_the_limit_count_only_in_a_row_and_for_each_side() -> None:
    resignation = Resignation(SearchSettings(resign_below=-0.9, resign_plies=2))
    progress = GamesInProgress(1)
    row = np.array([0])
    despairs = [
        bool(resignation.despairs(progress, row, np.array([ply]), np.array([value]))[0])
        for ply, value in enumerate([-0.95, -0.95, -0.5, 0.0, -0.95, -0.95, -0.91, -0.89])
    ]
    assert despairs == [False] * 6 + [True, False]
    assert progress.despaired[0].tolist() == [True, False]


def test_new_evaluator_takes_over_between_two_moves() -> None:
    first, second = Watched(ByFormula()), Watched(ByFormula())
    self_play = SelfPlay(first, settings({"transposition": True}), 1)
    self_play.advance()
    asked = len(first.asked)
    self_play.use(second)
    self_play.advance()
    assert len(first.asked) == asked
    assert second.asked


def test_running_games_can_be_watched() -> None:
    self_play = SelfPlay(ByFormula(), settings(), 1)
    self_play.advance()
    assert len(self_play.latest.rows) == 6
    assert self_play.latest.visits.sum() == 6 * 24


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"exploration_rate": 1.5}, "exploration_rate: found 1.5"),
        ({"search": {"simulations": 70_000}}, "search.simulations: found 70000"),
        ({"search": {"simulatons": 7}}, "search.simulatons: unknown field"),
        ({"parallel": 7}, "parallel: unknown field"),
    ],
)
def test_wrong_settings_are_refused(data: dict, fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        SelfPlaySettings.from_data(data)
