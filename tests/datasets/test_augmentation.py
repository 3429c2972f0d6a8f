"""Copies to learn from: mirrored, noisy, smoothed; never turned."""

import numpy as np
import pytest

from hamlet.datasets.augmentation import augmented, copies_per_row
from hamlet.datasets.options import read_options
from hamlet.datasets.rows import FLIPPED, NOISY, SMOOTHED, legal_columns
from hamlet.datasets.targets import examples_of
from hamlet.errors import SpecError
from tests.datasets.random_games import game, random_games

OPTIONS = read_options({"include_policy": True})
ROWS = examples_of(random_games(60, seed=1, search=True), OPTIONS)[0]


def copies(rows=ROWS, **augment) -> np.ndarray:
    settings = read_options({"augment": augment})["augment"]
    made = augmented(rows, settings, np.random.default_rng(1))
    assert made.shape == (len(rows), copies_per_row(settings))
    assert np.array_equal(made[:, 0], rows)
    return made[:, 1:]


def test_nothing_is_added_unless_asked():
    assert copies().shape == (len(ROWS), 0)


def test_flip_is_the_mirror_image():
    image = copies(flip=True)[:, 0]
    assert np.array_equal(image["policy"], ROWS["policy"][:, ::-1])
    assert np.array_equal(image["move"], 6 - ROWS["move"])
    assert np.array_equal(image["value"], ROWS["value"])
    assert np.array_equal(
        legal_columns(image["occupied"]), legal_columns(ROWS["occupied"])[:, ::-1]
    )
    assert (image["copy"] == FLIPPED).all()


def test_noise_stays_within_its_bounds():
    noisy = copies(noise=True)[:, 0]
    moved = noisy["value"] - ROWS["value"]
    assert np.abs(moved).max() <= 0.0501
    assert np.abs(moved).max() > 0.045
    assert np.abs(noisy["value"]).max() <= 1  # outcomes of 1 are clipped
    assert (noisy["policy"][~legal_columns(ROWS["occupied"])] == 0).all()
    assert (noisy["policy"] >= 0).all()
    assert np.allclose(noisy["policy"].sum(axis=1), 1)
    # Each entry moved by at most 0.025 before all were scaled by a sum between 0.825 and 1.175.
    assert np.abs(noisy["policy"] - ROWS["policy"]).max() < 0.025 + 0.175 / 0.825
    assert (noisy["copy"] == NOISY).all()


def test_smoothing_shrinks_values_and_mixes_in_five_percent_uniform():
    rows = examples_of([game("11111123", 1, reason="timeout")], read_options({}))[0]
    smooth = copies(rows, smoothing=True)[:, 0]
    assert np.allclose(smooth["value"], 0.9 * rows["value"])
    assert np.allclose(smooth["policy"][0], [0.95 + 0.05 / 7, *[0.05 / 7] * 6])
    assert np.allclose(smooth["policy"][6], [0, 0.95 + 0.05 / 6, *[0.05 / 6] * 5])
    assert (smooth["copy"] == SMOOTHED).all()


def test_copies_of_examples_without_policy_have_none_either():
    explored = np.ones(7, bool)
    rows = examples_of([game("1212121", 1, explored=explored)], read_options({}))[0]
    for made in copies(rows, flip=True, noise=True, smoothing=True).T:
        assert not made["policy"].any()


@pytest.mark.parametrize("options", [{"augment": {"rotate": True}}, {"rotate": True}])
def test_rotation_is_refused_with_the_reason(options):
    with pytest.raises(SpecError) as caught:
        read_options(options)
    sentence = "stones fall down; a turned board is not a position of this game"
    assert str(caught.value).endswith(sentence)
