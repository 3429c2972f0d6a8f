"""What an expert says about a position, and what was answered in a game."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hamlet.datasets.rows import FLIPPED, LOOSE, flipped
from hamlet.envs.connect_four.position import Position
from hamlet.errors import HamletError
from hamlet.learning.connect_four import solved_positions
from hamlet.learning.connect_four.given_replies import known_replies
from hamlet.learning.connect_four.solved_positions import SolvedPositions
from hamlet.learning.connect_four.solver_targets import shares_of, solved
from hamlet.search.labels import NO_MOVE
from tests.learning_connect_four.endings import decisive_endings
from tests.learning_connect_four.given_datasets import random_moves, rows_of_game

SCORES = np.array([[3, 3, 1, NO_MOVE, -2, -2, NO_MOVE], [-1, NO_MOVE, -1, -4, -4, -1, -9]], np.int8)


def test_the_best_columns_share_the_policy_evenly() -> None:
    assert shares_of(SCORES, 0.0).tolist() == [
        [0.5, 0.5, 0, 0, 0, 0, 0],
        pytest.approx([1 / 3, 0, 1 / 3, 0, 0, 1 / 3, 0]),
    ]


def test_a_soft_policy_falls_with_the_score() -> None:
    found = shares_of(SCORES, 2.0)
    first = [1.0, 1.0, math.exp(-1), 0, math.exp(-2.5), math.exp(-2.5), 0]

    assert found[0].tolist() == pytest.approx([share / sum(first) for share in first])
    assert found.sum(axis=1).tolist() == pytest.approx([1.0, 1.0])


def test_the_solver_says_what_playing_on_in_every_way_says() -> None:
    endings = decisive_endings(12, seed=3)
    own, occupied = (
        np.array([getattr(ending.position, name) for ending in endings])
        for name in ("own", "occupied")
    )
    policy, value = solved(own, occupied, 0.0)

    assert value.tolist() == [ending.best for ending in endings]
    for shares, ending in zip(policy, endings, strict=True):
        assert all(ending.results[column] == ending.best for column in np.flatnonzero(shares))


def positions_near(most_empty_cells: int, starts: tuple[str, ...] = ()) -> SolvedPositions:
    return SolvedPositions(
        0, "test", most_empty_cells=most_empty_cells, softness=0.0, starts=starts
    )


def test_positions_with_too_many_empty_cells_are_left_out() -> None:
    found = positions_near(20)
    rows = [found.advance(40) for _ in range(4)]
    empty = [42 - cells.bit_count() for part in rows for cells in part["occupied"].tolist()]

    assert len(empty) > 40
    assert 10 <= max(empty) <= 20
    assert all(len(part["own"]) <= 40 for part in rows)


def test_games_without_such_a_position_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solved_positions, "MOST_VAIN", 2)
    found = positions_near(1)
    found.starts, found.most_empty_cells = positions_near(1).starts, -1
    found.advance(1)

    with pytest.raises(HamletError, match="had no position with at most"):
        found.advance(1)


def test_where_the_clock_cuts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = positions_near(12), positions_near(12)
    monkeypatch.setattr(solved_positions, "SOLVE_FOR_S", 60.0)
    expected = whole.advance(64)
    monkeypatch.setattr(solved_positions, "SOLVE_FOR_S", 0.0)
    parts: list[dict[str, torch.Tensor]] = []
    while sum(len(part["own"]) for part in parts) < len(expected["own"]):
        parts.append(cut.advance(64 - sum(len(part["own"]) for part in parts)))
        again = positions_near(12)
        again.load_state_dict(cut.state_dict())
        cut = again

    for name, tensor in expected.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), tensor), name


def test_the_answer_to_a_move_is_found_in_the_same_game() -> None:
    games = [random_moves(1), random_moves(2)]
    rows = np.concatenate([rows_of_game(moves, number) for number, moves in enumerate(games)])
    order = np.random.default_rng(0).permutation(len(rows))
    expected = [answer for moves in games for answer in [*moves[1:], -1]]

    assert known_replies(rows[order]).tolist() == [expected[row] for row in order]


def test_two_games_with_the_same_beginning_keep_their_answers() -> None:
    games = [[3, 3, 2, 0], [3, 3, 2, 6]]
    rows = np.concatenate([rows_of_game(moves, number) for number, moves in enumerate(games)])

    assert known_replies(rows).tolist() == [3, 2, 0, -1, 3, 2, 6, -1]


def test_mirrored_copies_have_mirrored_answers() -> None:
    """Even where the board looks the same from behind."""
    rows = rows_of_game([3, 0, 1, 2], 0)
    image = flipped(rows)
    image["copy"] |= FLIPPED

    assert known_replies(np.concatenate([rows, image])).tolist() == [0, 1, 2, -1, 6, 5, 4, -1]


def test_the_answer_is_unknown_where_plies_are_missing_or_belong_to_no_game() -> None:
    rows = rows_of_game([3, 0, 1, 2], 0)
    assert known_replies(rows[[0, 2, 3]]).tolist() == [-1, 2, -1]

    rows["game"] = LOOSE
    assert known_replies(rows).tolist() == [-1] * 4
    assert Position.after([3, 0, 1, 2]).ply == 4
