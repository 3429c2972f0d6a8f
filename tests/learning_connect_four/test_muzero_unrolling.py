"""What MuZero learns from a game: every trap of unrolling it."""

from __future__ import annotations

import pytest
import torch

from hamlet.errors import CheckpointError
from hamlet.learning.connect_four.game_store import GameStore
from hamlet.learning.connect_four.unrolled import Unrolled, unroll_targets
from hamlet.learning.connect_four.unrolled_learner import (
    UnrolledLearner,
    scaled_gradient,
    unrolled_losses,
)
from tests.learning_connect_four.games_by_hand import (
    RED_WINS,
    YELLOW_WINS,
    config_of,
    played,
    tiny_network,
)

UNIFORM = [pytest.approx(1 / 7)] * 7


def store_of(*games) -> GameStore:
    store = GameStore(max(1, len(games)))
    for game in games:
        store.add(game)
    return store


def unrolled(store: GameStore, ply: int, steps: int = 5, game: int = 0, **kinds) -> Unrolled:
    generator = torch.Generator().manual_seed(1)
    return unroll_targets(
        store, torch.tensor([game]), torch.tensor([ply]), steps, generator, **kinds
    )


def test_values_change_their_sign_with_every_ply() -> None:
    batch = unrolled(store_of(played(RED_WINS)), ply=0)

    assert batch.value.tolist() == [[1, -1, 1, -1, 1, -1]]
    assert batch.reward.tolist() == [[0, 0, 0, 0, 0]]
    assert batch.moves.tolist() == [list(RED_WINS[:5])]
    assert batch.policy[0].argmax(dim=1).tolist() == list(RED_WINS[:6])


def test_the_move_that_makes_four_is_rewarded_to_the_side_that_makes_it() -> None:
    for moves in (RED_WINS, YELLOW_WINS):
        last = len(moves) - 1
        batch = unrolled(store_of(played(moves)), ply=last - 1)

        # The side that is about to lose, then the winner, then nobody.
        assert batch.value.tolist() == [[-1, 1, 0, 0, 0, 0]]
        assert batch.reward.tolist() == [[0, 1, 0, 0, 0]]
        assert batch.moves[0, :2].tolist() == list(moves[-2:])


def test_beyond_the_end_value_is_0_and_the_policy_uniform() -> None:
    batch = unrolled(store_of(played(RED_WINS)), ply=6, steps=3)

    assert batch.value.tolist() == [[1, 0, 0, 0]]
    assert batch.reward.tolist() == [[1, 0, 0]]
    assert batch.policy[0, 1:].tolist() == [UNIFORM] * 3
    assert batch.known.all()
    assert batch.moved.all()
    assert ((batch.moves >= 0) & (batch.moves < 7)).all()


def test_nobody_learns_how_a_resigned_game_would_have_gone_on() -> None:
    batch = unrolled(store_of(played(RED_WINS[:6], resigned_by=2)), ply=4, steps=3)

    assert batch.value[0, :2].tolist() == [1, -1]
    assert batch.known.tolist() == [[True, True, False, False]]
    assert batch.moved.tolist() == [[True, True, False]]
    assert batch.reward.tolist() == [[0, 0, 0]]


def test_the_last_move_of_a_full_board_earns_nothing() -> None:
    game = played(RED_WINS[:3])
    drawn = type(game)(**{**vars(game), "outcome": torch.zeros(3), "won": False})

    assert unrolled(store_of(drawn), ply=2, steps=2).reward.tolist() == [[0, 0]]


def test_value_targets_of_every_kind() -> None:
    store = store_of(played(RED_WINS))

    found = unrolled(store, 5, 2, value_target="search").value[0].tolist()
    assert found == [pytest.approx(1 / 3, abs=1e-3), pytest.approx(0.5), 0]
    assert unrolled(store, 5, 2, value_target="mixed").value[0, 1].item() == pytest.approx(0.75)


def test_a_mirrored_game_is_the_game_of_mirrored_moves() -> None:
    straight = unrolled(store_of(played(RED_WINS)), ply=3)
    image = unrolled(store_of(played(tuple(6 - move for move in RED_WINS))), ply=3)

    mirrored = straight.mirrored(torch.tensor([True]))
    for name, tensor in image.tensors().items():
        if name == "moves":  # those after the end are drawn
            assert torch.equal(mirrored.moves[:, :4], tensor[:, :4])
        else:
            assert torch.equal(getattr(mirrored, name), tensor), name
    assert torch.equal(straight.mirrored(torch.tensor([False])).planes, straight.planes)


def test_every_position_of_every_game_is_drawn_alike() -> None:
    store = store_of(played(RED_WINS), played(RED_WINS[:1]), played(YELLOW_WINS))
    games, plies = store.draw(32_000, torch.Generator().manual_seed(0))

    counts = torch.bincount(games * 8 + plies, minlength=24).float()
    expected = torch.zeros(24)
    expected[0:7] = expected[8:9] = expected[16:24] = 2000.0
    assert torch.equal(counts > 0, expected > 0)
    assert (counts - expected).abs().max() < 200


def test_a_full_store_forgets_its_oldest_game() -> None:
    store = GameStore(2)
    for moves in (RED_WINS, YELLOW_WINS, RED_WINS[:3]):
        store.add(played(moves))

    assert sorted(store.columns["plies"].tolist()) == [3, 8]
    assert store.positions == 11


def test_a_store_taken_up_again_draws_the_same_positions() -> None:
    store = store_of(played(RED_WINS), played(YELLOW_WINS))
    other = GameStore(2)
    other.load_state_dict(store.state_dict())

    batches = [unrolled(each, ply=3, game=1) for each in (store, other)]
    for name, tensor in batches[0].tensors().items():
        assert torch.equal(tensor, getattr(batches[1], name)), name


def test_a_damaged_store_is_refused() -> None:
    state = store_of(played(RED_WINS)).state_dict()
    state["columns"]["plies"][0] = 43

    with pytest.raises(CheckpointError, match=r"columns\.plies"):
        GameStore(1).load_state_dict(state)


def test_weights_of_representation_dynamics_and_reward_all_change() -> None:
    network = tiny_network("muzero")
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    learner = UnrolledLearner(network, config_of("muzero", batch_size=16, learning_rate=0.01), 0)
    learner.update(store_of(played(RED_WINS), played(YELLOW_WINS)))

    after = network.state_dict()
    for part in ("representation", "transition", "reward_head", "policy_head", "value_head"):
        names = [name for name, _ in network.named_parameters() if name.startswith(f"{part}.")]
        unchanged = [name for name in names if torch.equal(before[name], after[name])]
        # A bias in front of a BatchNorm has no effect, and so no gradient to speak of.
        assert len(unchanged) < len(names) / 2, unchanged
    assert torch.equal(
        scaled_gradient(torch.ones(2), 0.5), torch.ones(2)
    )  # the numbers themselves stay


def test_the_gradient_is_halved_on_its_way_into_each_unrolled_step() -> None:
    x = torch.ones(3, requires_grad=True)
    scaled_gradient(scaled_gradient(x, 0.5), 0.5).sum().backward()

    assert x.grad.tolist() == [0.25] * 3


def test_unrolled_steps_count_one_kth() -> None:
    """With a network that answers 0 everywhere the losses can be added up by hand."""
    network = tiny_network("muzero").eval()
    with torch.no_grad():
        for head in (network.policy_head, network.value_head, network.reward_head):
            last = [layer for layer in head if isinstance(layer, torch.nn.Linear)][-1]
            last.weight.zero_()
            last.bias.zero_()
    losses = unrolled_losses(network, unrolled(store_of(played(RED_WINS)), ply=5, steps=4))

    # Known values: -1 at the first, then 1, 0, 0, 0. A policy of log 7 everywhere. One reward.
    assert losses["value"].item() == pytest.approx(1 + 1 / 4)
    assert losses["policy"].item() == pytest.approx(2 * torch.log(torch.tensor(7.0)).item())
    assert losses["reward"].item() == pytest.approx(1 / 4)


def test_a_model_learns_the_games_it_is_shown() -> None:
    network = tiny_network("muzero")
    config = config_of("muzero", batch_size=32, learning_rate=0.01)
    learner = UnrolledLearner(network, config, 0)
    store = store_of(played(RED_WINS), played(YELLOW_WINS))
    learner.update(store)
    first = learner.means.take()
    for _ in range(60):
        learner.update(store)
    learner.means.take()
    learner.update(store)
    last = learner.means.take()

    for name in ("train_policy_loss", "train_value_loss", "reward_loss"):
        assert last[name] < 0.6 * first[name], name
