"""Transpositions, mirror images and both at once."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.errors import SpecError
from hamlet.search.boards import Boards
from hamlet.search.evaluating import KnownEvaluations
from hamlet.search.settings import SearchSettings
from tests.search.evaluators_for_tests import ByFormula, Watched, random_positions, searched


class LeftHanded:
    """Answers that differ for mirror images: only mirroring makes them agree."""

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = ((own + occupied)[:, None] % (np.arange(7) + 13)) / 10
        return logits.astype(np.float32), ((own % 127) / 127 - 0.5).astype(np.float32)


def keys_of(asked: list[Boards]) -> np.ndarray:
    return np.concatenate([boards.own + boards.occupied for boards in asked])


def test_shared_evaluations_change_nothing_but_the_number_of_questions() -> None:
    boards = Boards.empty(6)
    found, questions = {}, {}
    for shared in (False, True):
        watched = Watched(ByFormula())
        settings = SearchSettings(simulations=80, transposition=shared)
        _, found[shared] = searched(watched, boards, settings, explore=True)
        questions[shared] = len(keys_of(watched.asked))
    assert (found[False].visits == found[True].visits).all()
    assert found[False].values == pytest.approx(found[True].values, abs=1e-6)
    assert questions[True] < 0.7 * questions[False]


def test_no_position_is_asked_about_twice_nor_its_mirror_image() -> None:
    watched = Watched(LeftHanded())
    settings = SearchSettings(simulations=60, transposition=True, leaves_per_wave=3)
    searched(watched, Boards.empty(6), settings, explore=True)
    keys = keys_of(watched.asked)
    images = keys_of([boards.mirror() for boards in watched.asked])
    assert len(np.unique(keys)) == len(keys)
    assert (keys <= images).all()


def test_shared_evaluations_are_the_same_whoever_asked_first() -> None:
    boards = random_positions(6, 5, 2)
    settings = SearchSettings(simulations=60, transposition=True)
    _, found = searched(LeftHanded(), boards, settings)
    _, turned = searched(LeftHanded(), boards.mirror(), settings)
    assert (found.visits == turned.visits[:, ::-1]).all()


def test_mean_of_both_images_has_no_handedness() -> None:
    boards = random_positions(6, 5, 3)
    settings = SearchSettings(simulations=60, symmetric_evaluation="mean")
    _, found = searched(LeftHanded(), boards, settings)
    _, turned = searched(LeftHanded(), boards.mirror(), settings)
    assert (found.visits == turned.visits[:, ::-1]).all()
    _, plain = searched(LeftHanded(), boards, SearchSettings(simulations=60))
    assert (plain.visits != found.visits).any()


def test_random_images_are_drawn_for_each_leaf() -> None:
    watched = Watched(ByFormula())
    settings = SearchSettings(simulations=60, symmetric_evaluation="random")
    boards = Boards.after([[0, 0, 0, 1]])  # so that no later position is its own image
    _, found = searched(watched, boards, settings)
    own = np.concatenate([asked.own for asked in watched.asked])
    left = (own & 0b1111) > 0
    # The first column is the one with three stones, unless the board was turned.
    occupied = np.concatenate([asked.occupied for asked in watched.asked])
    straight = (occupied & 0b111) == 0b111
    assert 0.25 < straight.mean() < 0.9
    assert left.any()
    _, plain = searched(ByFormula(), boards, SearchSettings(simulations=60))
    assert (found.visits == plain.visits).all()


def test_random_images_and_shared_evaluations_exclude_each_other() -> None:
    with pytest.raises(SpecError, match='found "random" with transposition'):
        SearchSettings.from_data({"transposition": True, "symmetric_evaluation": "random"})


def test_bounded_table_forgets_old_evaluations_and_never_mixes_them_up() -> None:
    known = KnownEvaluations(1024)
    evaluate = ByFormula()
    for seed in range(4):
        boards = random_positions(1500, 9, seed)
        logits, values = known.look_up(boards, lambda some: evaluate(some.own, some.occupied))
        expected = evaluate(boards.own, boards.occupied)
        assert (logits == expected[0]).all()
        assert (values == expected[1]).all()
    assert len(known.keys) == 1024
    assert 0 < known.found < known.asked


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"simulation": 5}, "simulation: unknown field.*did you mean simulations"),
        ({"simulations": 0}, "simulations: found 0"),
        ({"simulations": 2.5}, "simulations: found 2.5"),
        ({"c_puct": 0}, "c_puct: found 0"),
        ({"root": "ucb"}, "root: found 'ucb'"),
        ({"temperature": {"plies": 50}}, "temperature.plies: found 50"),
        ({"temperature": 1.0}, "temperature: found 1.0; expected a mapping"),
        ({"resign_below": 0.5}, "resign_below: found 0.5"),
        ({"dirichlet_alpha": float("nan")}, "dirichlet_alpha: found nan"),
    ],
)
def test_wrong_settings_are_refused_by_their_path(data: dict, fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        SearchSettings.from_data(data)


def test_settings_survive_being_written_and_read() -> None:
    settings = SearchSettings.from_data({"simulations": 32, "temperature": {"then": 0}})
    assert settings.temperature.at(np.array([0, 19, 20, 41])).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert SearchSettings.from_data(settings.to_data()) == settings
    assert SearchSettings.from_data({}) == SearchSettings()
