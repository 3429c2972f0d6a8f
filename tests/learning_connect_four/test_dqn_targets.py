"""What DQN learns from: transitions of both sides, and the sign of what follows.

The ending: Red has three stones in the first column and Yellow three in the last. Whoever is to
move wins at once; who does not take the win loses to the answer.
"""

from __future__ import annotations

import pytest
import torch

from hamlet.envs.connect_four.batch import ConnectFourBatch
from hamlet.envs.connect_four.position import Position
from hamlet.errors import CheckpointError
from hamlet.learning.connect_four.dqn_update import targets_of
from hamlet.learning.connect_four.ply_fold import Plies, PlyFold
from hamlet.learning.connect_four.ply_replay import PlyReplay
from hamlet.learning.randomness import generator_for
from tests.learning.small_worlds import same

ENDING = (0, 6, 0, 6, 0, 6)
GAMMA = 0.9


def plies_of(moves: tuple[int, ...], n: int) -> Plies:
    """What is remembered of these moves, played from the ending."""
    board, fold, found = ConnectFourBatch(1), PlyFold(n, GAMMA, 1, "cpu"), []
    for column in ENDING:
        board.step(torch.tensor([column]))
    for column in moves:
        before = board.own, board.occupied
        ended, winner = board.step(torch.tensor([column]))
        after = board.own, board.occupied
        found.append(fold.add(before, torch.tensor([column]), after, ended, winner != 0))
    return joined(found)


def joined(parts: list[Plies]) -> Plies:
    return Plies(**{name: torch.cat([vars(p)[name] for p in parts]) for name in vars(parts[0])})


def q_of(*values: float) -> torch.Tensor:
    return torch.tensor([values])


@pytest.mark.parametrize(
    ("n", "rewards", "steps"),
    [
        # Red passes by, Yellow passes by, Red wins: each ply alone, then folded by two and three.
        (1, [0.0, 0.0, 1.0], [1, 1, 1]),
        (2, [0.0, -GAMMA, 1.0], [2, 2, 1]),
        (3, [GAMMA**2, -GAMMA, 1.0], [3, 2, 1]),
    ],
)
def test_an_ending_of_three_plies_worked_by_hand(
    n: int, rewards: list[float], steps: list[int]
) -> None:
    plies = plies_of((2, 3, 0), n)

    assert plies.rewards.tolist() == pytest.approx(rewards)
    assert plies.steps.tolist() == steps
    # With n = 1 the first two plies go on; with n = 2 the first one does.
    assert plies.ended.tolist() == [step + index == 3 for index, step in enumerate(steps)]
    positions = [Position.after((*ENDING, *(2, 3, 0)[:ply])) for ply in range(4)]
    for row, step in enumerate(steps):
        assert int(plies.own[row]) == positions[row].own
        assert int(plies.next_own[row]) == positions[row + step].own
        assert int(plies.next_occupied[row]) == positions[row + step].occupied


def test_what_is_good_for_the_opponent_is_bad_for_us() -> None:
    """Target r - gamma x max Q(next) after one ply, r + gamma^2 x max Q(next) after two."""
    worth = q_of(0.1, -0.3, 0.8, 0.0, 0.2, -0.1, 0.05)
    one, two = (plies_of((2, 3, 0), n) for n in (1, 2))
    rows = worth.expand(3, 7)

    assert targets_of(one, rows, rows, GAMMA).tolist() == pytest.approx(
        [-GAMMA * 0.8, -GAMMA * 0.8, 1.0]
    )
    assert targets_of(two, rows, rows, GAMMA).tolist() == pytest.approx(
        [GAMMA**2 * 0.8, -GAMMA, 1.0]
    )


def test_the_online_network_chooses_and_the_target_network_values() -> None:
    plies = plies_of((2,), 1)
    online = q_of(0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0)
    target = q_of(0.7, 0.0, 0.0, -0.4, 0.0, 0.0, 0.0)

    assert targets_of(plies, target, online, GAMMA).tolist() == pytest.approx([GAMMA * 0.4])


def test_a_full_column_is_never_the_best_one() -> None:
    """The first column is full in the next position, whatever the network thinks of it."""
    board, fold = ConnectFourBatch(1), PlyFold(1, GAMMA, 1, "cpu")
    for column in (0, 0, 0, 0, 0):
        board.step(torch.tensor([column]))
    before = board.own, board.occupied
    ended, winner = board.step(torch.tensor([0]))
    after = board.own, board.occupied
    plies = fold.add(before, torch.tensor([0]), after, ended, winner != 0)
    worth = q_of(1.0, 0.25, 0.5, 0.0, 0.0, 0.0, 0.0)

    assert targets_of(plies, worth, worth, GAMMA).tolist() == pytest.approx([-GAMMA * 0.5])


def test_no_game_is_worth_more_than_a_win() -> None:
    worth = q_of(7.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert targets_of(plies_of((2,), 1), worth, worth, GAMMA).tolist() == pytest.approx([-GAMMA])


def test_a_fold_goes_on_after_loading() -> None:
    board = ConnectFourBatch(2)
    folds = [PlyFold(3, GAMMA, 2, "cpu") for _ in range(2)]
    for ply in range(12):
        before = board.own, board.occupied
        columns = torch.tensor([ply % 2, 6 - ply % 3])
        ended, winner = board.step(columns)
        step = (before, columns, (board.own, board.occupied), ended, ended & (winner != 0))
        found = [fold.add(*step) for fold in folds]
        assert same(vars(found[0]), vars(found[1]))
        again = PlyFold(3, GAMMA, 2, "cpu")
        again.load_state_dict(folds[1].state_dict())
        folds[1] = again
        board.reset(ended)


def many_plies(count: int) -> Plies:
    number = torch.arange(count)
    return Plies(
        own=number % 2,
        occupied=torch.ones(count, dtype=torch.int64),
        columns=number % 7,
        rewards=torch.linspace(-1, 1, count),
        steps=torch.ones(count, dtype=torch.int64),
        ended=torch.ones(count, dtype=torch.bool),
        next_own=number % 2,
        next_occupied=torch.ones(count, dtype=torch.int64),
        weights=torch.ones(count),
    )


def test_surprising_plies_are_drawn_more_often_and_count_less() -> None:
    replay = PlyReplay(8, 1.0)
    replay.add(many_plies(8))
    errors = torch.tensor([0.1] * 7 + [0.7])
    replay.update_priorities(torch.arange(8), errors)
    rows, weights = replay.sample_rows(14, generator_for(0, "batches"), beta=1.0)

    # Half of the sum of all priorities is the last one's: seven of fourteen stretches.
    assert int((rows == 7).sum()) == 7
    assert weights[rows == 7].tolist() == pytest.approx([1 / 7] * 7, rel=1e-4)
    assert weights[rows != 7].tolist() == pytest.approx([1.0] * 7, rel=1e-4)


def test_the_oldest_plies_make_room() -> None:
    replay = PlyReplay(8, 0.6)
    plies = many_plies(20)
    replay.add(Plies(**{name: column[:13] for name, column in vars(plies).items()}))
    replay.add(Plies(**{name: column[13:] for name, column in vars(plies).items()}))

    assert len(replay) == 8
    kept = replay.rows(torch.arange(8)).rewards.sort().values
    torch.testing.assert_close(kept, plies.rewards[12:])


def test_a_replay_that_no_run_can_have_stored_is_refused() -> None:
    replay = PlyReplay(8, 0.6)
    replay.add(many_plies(8))
    again = PlyReplay(8, 0.6)
    again.load_state_dict(replay.state_dict())
    assert same(again.state_dict(), replay.state_dict())
    for name, value in (("columns", 7), ("steps", 0), ("rewards", 1.5), ("own", 4)):
        state = replay.state_dict()
        state["columns"][name][3] = value
        with pytest.raises(CheckpointError, match=f"columns.{name}"):
            PlyReplay(8, 0.6).load_state_dict(state)
