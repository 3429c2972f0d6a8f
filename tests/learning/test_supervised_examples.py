"""Examples that cannot be learned from are refused, each by its index."""

import numpy as np
import pytest
import torch

from hamlet.envs.connect_four.batch import canonical_keys, open_columns_of
from hamlet.envs.connect_four.position import Position
from hamlet.errors import InputError
from hamlet.learning.supervised_examples import Batch, Examples
from tests.learning.small_boards import arrays, random_games

FULL = Position.after([0, 0, 0, 0, 0, 0])  # its first column is full


def problems_of(given) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        Examples.from_arrays(given)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def edited(name, row, value, rows=5):
    given = arrays(rows)
    given[name] = given[name].astype(np.float64) if name == "value" else given[name]
    given[name][row] = value
    return given


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("policy", [0.5] * 7, "7 numbers from 0 that sum to 1"),
        ("policy", [-1, 2, 0, 0, 0, 0, 0], "7 numbers from 0 that sum to 1"),
        ("policy", [np.nan] * 7, "7 numbers from 0 that sum to 1"),
        ("value", 1.5, "a number from -1 to 1"),
        ("value", np.nan, "a number from -1 to 1"),
        ("weight", 0.0, "a finite number above 0"),
        ("weight", -1.0, "a finite number above 0"),
        ("weight", np.inf, "a finite number above 0"),
        ("own", 1 << 40, "stones outside of occupied"),
    ],
)
def test_a_wrong_example_is_named_by_its_index(name, value, part):
    found = problems_of(edited(name, 3, value))
    assert found[0][0] == f"examples[3].{name}"
    assert part in found[0][1]


def test_a_share_on_a_full_column_is_refused():
    given = arrays(3)
    given["own"][1], given["occupied"][1] = FULL.own, FULL.occupied
    given["policy"][1] = [0.5, 0.5, 0, 0, 0, 0, 0]
    assert problems_of(given) == [
        ("examples[1].policy (full columns)", "a full column has a share; expected 0 there")
    ]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda given: given.pop("policy"), "missing ['policy']"),
        (lambda given: given.update(move=[1]), "unknown ['move']"),
        (lambda given: given.update(value=given["value"][:2]), "found shape [2]; expected [4]"),
        (lambda given: given.update(policy=given["policy"][:, :6]), "expected [4, 7]"),
        (lambda given: given.update(reply=np.array([0, 7, -1, 3])), "a column from 0 to 6, or -1"),
        (lambda given: given.update({k: v[:0] for k, v in given.items()}), "found none"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(change, part):
    given = arrays(4)
    change(given)
    assert part in str(problems_of(given))


def test_weights_and_replies_may_be_left_out():
    given = arrays(4)
    del given["weight"]
    read = Examples.from_arrays(given)
    assert read.weight.tolist() == [1.0] * 4
    assert read.reply.tolist() == [-1] * 4
    assert len(read) == 4


def test_boards_and_legal_columns_agree_with_the_rules():
    games = [*random_games(50), FULL]
    own, occupied = (
        torch.tensor([getattr(game, name) for game in games]) for name in ("own", "occupied")
    )
    assert open_columns_of(occupied).tolist() == [game.legal() for game in games]
    keys = canonical_keys(own, occupied)
    assert keys.tolist() == [game.canonical_key for game in games]
    mirrored = [game.mirror() for game in games]
    again = canonical_keys(
        torch.tensor([game.own for game in mirrored]),
        torch.tensor([game.occupied for game in mirrored]),
    )
    assert keys.tolist() == again.tolist()


def test_a_batch_in_the_mirror_is_the_batch_of_mirrored_games():
    games = random_games(20)
    given = arrays(20)
    read = Examples.from_arrays(given)
    turned = Batch.of(read, torch.ones(20, dtype=torch.bool))
    mirrored = Examples.from_arrays(
        {
            **given,
            "own": np.array([game.mirror().own for game in games]),
            "occupied": np.array([game.mirror().occupied for game in games]),
            "policy": given["policy"][:, ::-1].copy(),
        }
    )
    expected = Batch.of(mirrored)
    assert torch.equal(turned.planes, expected.planes)
    assert torch.equal(turned.legal, expected.legal)
    assert torch.equal(turned.policy, expected.policy)
