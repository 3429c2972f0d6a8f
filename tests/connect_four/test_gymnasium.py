"""Connect Four for one player: the opponent answers inside `step`."""

import random

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hamlet.envs.connect_four.gym import ConnectFourGymEnv
from hamlet.envs.connect_four.position import IllegalMoveError, Position
from hamlet.errors import HamletError


def leftmost(position: Position) -> int:
    return position.legal_columns()[0]


def test_gymnasiums_own_checker_finds_no_fault():
    check_env(ConnectFourGymEnv(leftmost), skip_render_check=True)
    check_env(ConnectFourGymEnv(leftmost, plays=2, render_mode="rgb_array").unwrapped)


def test_win_gives_one_and_ends_the_game():
    env = ConnectFourGymEnv(leftmost, plays=1)
    env.reset()
    rewards = [env.step(6)[1:3] for _ in range(4)]
    assert rewards == [(0.0, False)] * 3 + [(1.0, True)]


def test_loss_takes_one_and_the_last_board_is_seen_by_the_player():
    env = ConnectFourGymEnv(leftmost, plays=1)
    env.reset()
    for column in (1, 2, 1):
        env.step(column)
    seen, reward, terminated, truncated, info = env.step(2)
    assert (reward, terminated, truncated) == (-1.0, True, False)
    assert not info["action_mask"].any()
    assert seen[0].sum() == 4  # own stones; the four of the opponent stand in plane 1
    assert seen[1, 2:, 0].tolist() == [1, 1, 1, 1]
    assert (seen[2] == 1).all()


def test_yellow_finds_a_stone_of_red_on_the_board():
    env = ConnectFourGymEnv(leftmost, plays=2)
    seen, info = env.reset()
    assert seen[1, 5, 0] == 1
    assert (seen[2] == 0).all()
    assert (info["moves"], info["plays"]) == ([0], "Yellow")


def test_sides_are_drawn_from_the_seed():
    env = ConnectFourGymEnv(leftmost)
    sides = [env.reset(seed=seed)[1]["plays"] for seed in range(20)]
    assert set(sides) == {"Red", "Yellow"}
    assert sides == [env.reset(seed=seed)[1]["plays"] for seed in range(20)]


def test_full_column_is_refused_and_nothing_moves():
    env = ConnectFourGymEnv(lambda position: 3 if position.ply < 6 else 0, plays=1)
    env.reset()
    for _ in range(3):
        env.step(3)
    before = env.position
    assert env.action_masks().tolist() == [True, True, True, False, True, True, True]
    with pytest.raises(IllegalMoveError, match="column 3 is full"):
        env.step(np.int64(3))
    assert env.position == before


def test_every_game_ends_and_the_moves_say_how():
    draw = random.Random(1)
    env = ConnectFourGymEnv(leftmost)
    for seed in range(30):
        _, info = env.reset(seed=seed)
        ended, reward = False, 0.0
        while not ended:
            column = draw.choice(np.flatnonzero(info["action_mask"]).tolist())
            _, reward, ended, _, info = env.step(column)
        position = Position.after(info["moves"])
        assert position.ended
        side = 1 if info["plays"] == "Red" else 2
        assert reward == {0: 0.0, side: 1.0, 3 - side: -1.0}[position.winner]


@pytest.mark.parametrize("action", [3.7, np.array(3.7), np.float32(3), np.array([1, 2]), None])
def test_action_that_is_no_column_is_refused(action):
    env = ConnectFourGymEnv(leftmost, plays=1)
    env.reset()
    with pytest.raises(IllegalMoveError, match="expected a whole number from 0 to 6"):
        env.step(action)
    assert env.moves == []
    env.step(np.array(3))
    assert env.moves == [3, 0]


def test_board_is_shown_as_text():
    env = ConnectFourGymEnv(leftmost, plays=1, render_mode="ansi")
    env.reset()
    env.step(3)
    assert env.render().splitlines()[-2:] == ["Y . . R . . .", "1 2 3 4 5 6 7"]


def test_wrong_settings_are_refused():
    with pytest.raises(HamletError, match="plays: found 3"):
        ConnectFourGymEnv(leftmost, plays=3)
    with pytest.raises(HamletError, match="render_mode: found 'human'"):
        ConnectFourGymEnv(leftmost, render_mode="human")


@pytest.mark.parametrize("name", ["random", "one_ply"])
def test_opponent_may_be_named_and_is_repeated_by_its_seed(name):
    def game(seed: int) -> list[int]:
        env = ConnectFourGymEnv(name)
        _, info = env.reset(seed=seed)
        ended = False
        while not ended:
            column = int(np.flatnonzero(info["action_mask"])[-1])
            *_, ended, _, info = env.step(column)
        return info["moves"]

    games = [game(seed) for seed in range(6)]
    assert games == [game(seed) for seed in range(6)]
    assert len(set(map(tuple, games))) > 1


def test_unknown_opponent_is_refused_with_the_names_there_are():
    with pytest.raises(HamletError, match="found player 'rondom'; expected one of random, one_ply"):
        ConnectFourGymEnv("rondom")
