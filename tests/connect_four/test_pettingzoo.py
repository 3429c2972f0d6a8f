"""Connect Four as PettingZoo's own tests expect an environment of theirs to be."""

import numpy as np
import pytest
from pettingzoo.test import api_test, render_test, seed_test

from hamlet.envs.connect_four.aec import ConnectFourAEC
from hamlet.envs.connect_four.position import IllegalMoveError
from hamlet.errors import HamletError


def played(*columns: int) -> ConnectFourAEC:
    env = ConnectFourAEC()
    env.reset()
    for column in columns:
        env.step(column)
    return env


def test_the_api_test_passes():
    api_test(ConnectFourAEC(), num_cycles=500)


def test_the_seed_test_passes():
    seed_test(ConnectFourAEC, num_cycles=200)


def test_the_render_test_passes_in_every_mode(capsys):
    render_test(ConnectFourAEC)
    assert "1 2 3 4 5 6 7" in capsys.readouterr().out


def test_agents_see_the_planes_of_the_networks_with_channels_last():
    env = played(3)
    seen = env.observe("player_1")["observation"]
    assert seen.shape == (6, 7, 3)
    assert seen.dtype == np.float32
    assert seen[5, 3].tolist() == [0, 1, 0]  # a stone of the other; the agent is not Red
    assert env.observe("player_0")["observation"][5, 3].tolist() == [1, 0, 1]


def test_only_the_agent_to_move_has_legal_columns():
    env = played(3, 3, 3, 3, 3, 3)
    assert env.observe("player_0")["action_mask"].tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert env.observe("player_1")["action_mask"].tolist() == [0] * 7


def test_winner_gets_one_and_loser_loses_one():
    env = played(0, 1, 0, 1, 0, 1, 0)
    assert env.rewards == {"player_0": 1, "player_1": -1}
    assert env.terminations == {"player_0": True, "player_1": True}
    assert env.observe("player_1")["action_mask"].tolist() == [0] * 7


def test_full_column_is_refused_and_nothing_moves():
    env = played(3, 3, 3, 3, 3, 3)
    before = env.position
    with pytest.raises(IllegalMoveError, match="column 3 is full"):
        env.step(3)
    assert env.position == before


def test_picture_shows_the_stone_where_it_lies():
    env = ConnectFourAEC(render_mode="rgb_array")
    env.reset()
    env.step(6)
    picture = env.render()
    assert picture.shape == (288, 336, 3)
    centre_of_the_lowest_cell_on_the_right = picture[264, 312]
    assert centre_of_the_lowest_cell_on_the_right.tolist() == [200, 44, 44]
    assert picture[264, 24].tolist() == [236, 240, 244]  # empty
    assert picture[0, 0].tolist() == [34, 68, 138]  # the board between the cells


def test_unknown_render_mode_is_refused():
    with pytest.raises(HamletError, match="found 'movie'; expected one of ansi, human, rgb_array"):
        ConnectFourAEC(render_mode="movie")
