"""Why did I lose: every move of a game beside perfect play."""

from __future__ import annotations

import random
import threading

import pytest

from hamlet.envs.connect_four.position import RED, YELLOW, IllegalMoveError, Position
from hamlet.errors import SpecError
from hamlet.search.analysis import Finding, JudgedMove, analyse, mistake_of, summarise
from hamlet.search.solver import Limits, SolveCancelled, Solver, SolveTimeout

FIRST_JUDGED = 14  # openings take too long for a quick test


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(table_mib=8, book=None)


def drawn_game(seed: int) -> list[int]:
    generator = random.Random(seed)
    position, moves = Position(), []
    while not position.ended:
        moves.append(generator.choice(position.legal_columns()))
        position = position.play(moves[-1])
    return moves


def ending_of(moves: list[int], solver: Solver, **arguments: object) -> list[JudgedMove]:
    found = []
    for judged in analyse(moves, solver=solver, **arguments):
        found.append(judged)
        if judged.ply == min(FIRST_JUDGED, len(moves) - 1):
            break
    return found


def test_each_move_is_judged_as_the_scores_of_the_columns_say(solver):
    seen = set()
    for seed in range(12):
        moves = drawn_game(seed)
        for judged in ending_of(moves, solver):
            position = Position.after(moves[: judged.ply])
            scores = solver.score_columns(position)
            best = max(score for score in scores if score is not None)
            assert judged.player == position.player
            assert judged.played == moves[judged.ply]
            assert judged.score_before == best
            assert judged.score_after == scores[judged.played]
            assert list(judged.best_columns) == [c for c, s in enumerate(scores) if s == best]
            assert (judged.mistake == "none") == (judged.played in judged.best_columns)
            seen.add(judged.mistake)
    assert len(seen) >= 5


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        (5, 5, "none"),
        (0, 0, "none"),
        (-3, -3, "none"),
        (5, 2, "slower_win"),
        (5, 0, "draws_a_win"),
        (5, -1, "loses_a_win"),
        (0, -1, "loses_a_draw"),
        (-3, -9, "faster_loss"),
    ],
)
def test_a_mistake_has_the_name_of_what_it_cost(before, after, mistake):
    assert mistake_of(before, after) == mistake


def test_moves_come_from_the_last_to_the_first(solver):
    moves = drawn_game(1)
    plies = [judged.ply for judged in ending_of(moves, solver)]
    assert plies == list(range(len(moves) - 1, plies[-1] - 1, -1))


def test_findings_that_are_known_are_not_searched_again(solver):
    moves = drawn_game(3)
    first = ending_of(moves, solver)
    known = {judged.key: judged.finding for judged in first}
    stop = threading.Event()
    stop.set()  # whatever searched now would be refused
    again = ending_of(moves[:-1], solver, known=known, limits=Limits(stop=stop))
    assert again == first[1:]
    mirrored = [6 - column for column in moves[:-1]]
    turned = ending_of(mirrored, solver, known=known, limits=Limits(stop=stop))
    assert [sorted(6 - c for c in judged.best_columns) for judged in turned] == [
        list(judged.best_columns) for judged in again
    ]
    assert [judged.mistake for judged in turned] == [judged.mistake for judged in again]
    with pytest.raises(SolveCancelled):
        ending_of(moves, solver, limits=Limits(stop=stop))


def test_a_position_that_takes_too_long_names_its_ply_and_leaves_what_came_before():
    moves, found = drawn_game(2), []
    solver = Solver(table_mib=1, book=None)
    with pytest.raises(SolveTimeout) as caught:
        found.extend(analyse(moves, solver=solver, limits=Limits(nodes=9)))
    assert len(found) >= 1
    assert caught.value.__notes__ == [f"while judging ply {found[-1].ply - 1} of {len(moves)}"]


def test_the_losing_move_is_the_last_that_gave_the_game_away(solver):
    lost = 0
    for seed in range(12):
        moves = drawn_game(seed)
        loser = 3 - Position.after(moves).winner
        judged = ending_of(moves, solver)
        summary = summarise(judged, loser)
        if summary.losing_ply is None:
            continue
        lost += 1
        by_ply = {move.ply: move for move in judged}
        losing = by_ply[summary.losing_ply]
        assert (losing.player, losing.class_after) == (loser, "loss")
        assert losing.class_before in ("win", "draw")
        after = [move for move in judged if move.ply >= summary.lost_from]
        assert all((move.class_before == "loss") == (move.player == loser) for move in after)
    assert lost >= 6


def test_mistakes_are_counted_by_player_and_kind(solver):
    judged = ending_of(drawn_game(4), solver)
    counts = summarise(judged, None).mistakes
    for player in (RED, YELLOW):
        for kind, count in counts[player].items():
            assert count == sum(m.player == player and m.mistake == kind for m in judged)
    assert sum(sum(kinds.values()) for kinds in counts.values()) > 0
    assert summarise(judged, None).to_data()["lost_from"] is None


def test_a_game_given_up_while_it_still_held_has_no_losing_move(solver):
    games = [drawn_game(seed) for seed in range(6)]
    held = [
        (moves, judged)
        for moves in games
        for judged in ending_of(moves, solver)
        if judged.class_after != "loss" and judged.ply > FIRST_JUDGED
    ]
    assert len(held) > 5
    for moves, judged in held[:5]:
        given_up = ending_of(moves[: judged.ply + 1], solver)
        assert summarise(given_up, judged.player).losing_ply is None


def judged_game(*scores: tuple[int, int], first: int = 0) -> list[JudgedMove]:
    """Args: scores: before and after, ply by ply, for the side that moved."""
    return [
        JudgedMove(
            ply=ply,
            player=1 + ply % 2,
            played=0,
            best_columns=(0,),
            score_before=before,
            score_after=after,
            mistake=mistake_of(before, after),
            key=0,
            finding=Finding(before, (0,)),
        )
        for ply, (before, after) in enumerate(scores, start=first)
    ]


def test_a_game_given_up_after_the_opponent_gave_the_win_back_has_no_losing_move():
    # Yellow lost it at ply 1, Red did not take it at ply 2, and then Yellow resigned.
    summary = summarise(judged_game((0, 0), (0, -3), (3, 0)), YELLOW)
    assert (summary.losing_ply, summary.lost_from) == (None, None)
    held_no_more = summarise(judged_game((0, 0), (0, -3), (3, 2)), YELLOW)
    assert (held_no_more.losing_ply, held_no_more.lost_from) == (1, 2)


def test_who_could_never_hold_was_lost_from_the_first_ply_on():
    perfect = [(1, 1), (-1, -1), (1, 1), (-1, -4), (4, 4)]
    summary = summarise(judged_game(*perfect), YELLOW)
    assert (summary.losing_ply, summary.lost_from) == (None, 0)
    # Nobody knows yet, while the first moves are still to be judged.
    assert summarise(judged_game(*perfect[1:], first=1), YELLOW).lost_from is None
    assert summarise(judged_game(*perfect), RED).lost_from is None
    # Red let the win go, and Yellow let Red have it again.
    changed = [(1, 0), (0, 0), (0, 0), (0, -4), (4, 4)]
    assert summarise(judged_game(*changed), YELLOW).lost_from == 4


def test_what_is_no_game_is_refused_before_anything_is_searched():
    with pytest.raises(IllegalMoveError, match="ply 6"):
        next(analyse([3] * 7))
    with pytest.raises(IllegalMoveError, match="ply 1"):
        next(analyse([3, 7]))
    with pytest.raises(SpecError, match="expected a list of columns"):
        next(analyse("4453"))
    assert list(analyse([])) == []
