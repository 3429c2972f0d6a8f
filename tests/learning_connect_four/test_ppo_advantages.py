"""What PPO learns from: rewards of whole games, advantages, and the clipped objective."""

from __future__ import annotations

import pytest
import torch

from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.envs.connect_four.batch import ConnectFourBatch, open_columns_of
from hamlet.envs.connect_four.position import RED, YELLOW
from hamlet.errors import ShapeError
from hamlet.learning.advantages import generalized_advantages
from hamlet.learning.connect_four.first_positions import Starts
from hamlet.learning.connect_four.pool_games import PoolGames
from hamlet.learning.connect_four.ppo_update import policy_losses
from hamlet.learning.connect_four.rollout import Rollout
from hamlet.learning.connect_four.version_pool import VersionPool
from hamlet.learning.randomness import generator_for
from tests.learning_connect_four.games_by_hand import tiny_network

HAND = {"discount": 0.9, "trace_decay": 0.5}
VALUES = (0.1, 0.4, -0.2)  # what the learner expected before each of its three moves
GAMES = 12


def always(column: int):
    """A network that plays one column."""
    network = tiny_network("ppo").eval()
    last = network.policy_head[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        last.bias[column] = 60.0
    return network


def games_from(start: str) -> PoolGames:
    """The learner plays the first column, a past version the last one."""
    learner = always(0)
    pool = VersionPool(1, learner)
    pool.add(0, always(6))
    games = PoolGames(
        GAMES,
        learner,
        pool,
        Starts([start]),
        generator_for(0, "play"),
        newest_share=0.0,
        flip=False,
        precision="fp32",
    )
    games.begin_all()
    return games


def played(games: PoolGames, steps: int) -> Rollout:
    """A rollout with the values of the hand-made example."""
    rollout = Rollout(steps, GAMES)
    zeros = torch.zeros(GAMES)
    for step in range(steps):
        own, occupied = games.board.own, games.board.occupied
        columns = torch.zeros(GAMES, dtype=torch.int64)
        rewards, ended = games.step(columns, torch.zeros(GAMES, 7), zeros)
        rollout.add(
            own=own,
            occupied=occupied,
            flipped=torch.zeros(GAMES, dtype=torch.bool),
            columns=columns,
            log_probs=zeros,
            values=torch.full((GAMES,), VALUES[step]),
            rewards=rewards,
            ended=ended,
        )
    return rollout


def test_advantages_of_a_game_of_five_plies_worked_by_hand() -> None:
    """From 1 7, Red plays the first column at plies 0, 2 and 4 and has four; Yellow answers in
    the last. As Yellow the learner loses to the reply to its third move instead."""
    games = games_from("17")
    colours = games.colour.clone()
    assert set(colours.tolist()) == {RED, YELLOW}
    rollout = played(games, 3)
    # What the next game is worth must not leak into this one.
    rollout.judge(torch.full((GAMES,), 5.0), **HAND)

    # deltas 0.9 x 0.4 - 0.1 = 0.26; 0.9 x -0.2 - 0.4 = -0.58; 1 + 0.2 = 1.2, or -1 + 0.2 = -0.8;
    # each advantage is its delta plus 0.45 times the next one.
    won = torch.tensor([0.26 + 0.45 * -0.04, -0.58 + 0.45 * 1.2, 1.2])
    lost = torch.tensor([0.26 + 0.45 * -0.94, -0.58 + 0.45 * -0.8, -0.8])
    values = torch.tensor(VALUES)
    for game, colour in enumerate(colours.tolist()):
        expected = won if colour == RED else lost
        advantages, returns = (rollout.rows[name][:, game] for name in ("advantages", "returns"))
        torch.testing.assert_close(advantages, expected)
        torch.testing.assert_close(returns, expected + values)
    assert rollout.rows["ended"].tolist() == [[False] * GAMES, [False] * GAMES, [True] * GAMES]


def test_a_game_that_goes_on_counts_with_the_value_of_what_follows() -> None:
    rollout = played(games_from("17"), 2)
    rollout.judge(torch.full((GAMES,), 0.5), **HAND)

    last = 0.9 * 0.5 - 0.4
    expected = torch.tensor([0.26 + 0.45 * last, last])
    torch.testing.assert_close(rollout.rows["advantages"][:, 0], expected)


def test_finished_games_say_who_won_and_how_the_learner_fared() -> None:
    games = games_from("17")
    colours = games.colour.tolist()
    played(games, 3)
    finished = games.take_finished()

    assert [game.row for game in finished] == list(range(GAMES))
    for game in finished:
        red = colours[game.row] == RED
        assert game.shown.winner == RED
        assert game.points == (1.0 if red else 0.0)
        assert game.shown.moves == ([0, 6, 0, 6, 0, 6, 0] if red else [0, 6, 6, 0, 6, 0, 6, 0, 6])
        names = (game.shown.red, game.shown.yellow)
        expected = ("newest network", "version of epoch 0")
        assert names == (expected if red else expected[::-1])
        assert game.shown.kind == "exhibition"
    assert games.take_finished() == []


def test_shapes_that_differ_are_refused() -> None:
    rows = torch.zeros(3, 2)
    with pytest.raises(ShapeError, match="expected one"):
        generalized_advantages(rows, rows, rows[:2], rows.bool(), **HAND)


def full_columns() -> ConnectFourBatch:
    """Two games: the first column is full in one, nothing in the other."""
    board = ConnectFourBatch(2)
    for column in (0, 0, 0, 0, 0, 0):
        board.step(torch.tensor([column, 3 if int(board.ply()[1]) < 3 else 5]))
    return board


def test_an_illegal_column_has_no_probability_and_no_gradient() -> None:
    legal = full_columns().legal()
    assert legal.tolist() == [[False] + [True] * 6, [True] * 7]
    logits = torch.zeros(2, 7)
    logits[0, 0] = 50.0  # the network would love to play it
    logits.requires_grad_()
    policy = MaskedCategorical(logits, legal)

    assert policy.log_probs[0, 0] == -torch.inf
    assert policy.probs[0].tolist() == pytest.approx([0.0] + [1 / 6] * 6)
    batch = {
        "columns": torch.tensor([1, 1]),
        "log_probs": torch.tensor([-2.0, -2.0]),
        "advantages": torch.tensor([1.0, -1.0]),
        "returns": torch.zeros(2),
    }
    losses = policy_losses(policy, torch.zeros(2), batch, clip=0.5)
    (losses.policy - losses.entropy).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 0] == 0.0
    assert logits.grad[0, 1] != 0.0


def test_illegal_columns_are_never_drawn() -> None:
    policy = MaskedCategorical(torch.zeros(2, 7), full_columns().legal())
    generator = generator_for(0, "play")
    drawn = torch.stack([policy.sample(generator) for _ in range(300)])
    assert not bool((drawn[:, 0] == 0).any())
    assert bool((drawn[:, 1] == 0).any())


def test_the_objective_stops_rewarding_odds_beyond_the_clip() -> None:
    """Both moves have become 1.5 times as likely. The good one counts as 1.2 only, the bad one
    in full: the mean of -1.2 and 1.5 is 0.15."""
    legal = open_columns_of(torch.zeros(2, dtype=torch.int64))
    logits = torch.zeros(2, 7, requires_grad=True)
    before = torch.full((2,), 1 / 7 / 1.5).log()
    batch = {
        "columns": torch.tensor([2, 3]),
        "log_probs": before,
        "advantages": torch.tensor([1.0, -1.0]),
        "returns": torch.tensor([0.5, -0.5]),
    }
    values = torch.tensor([0.0, 0.0])
    losses = policy_losses(MaskedCategorical(logits, legal), values, batch, clip=0.2)

    assert float(losses.policy.detach()) == pytest.approx(0.15, abs=1e-5)
    assert float(losses.value) == pytest.approx(0.25)
    assert float(losses.clip_fraction) == 1.0
    losses.policy.backward()
    assert logits.grad[0].abs().sum() == 0.0
    assert logits.grad[1, 3] > 0.0
