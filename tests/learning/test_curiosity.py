"""Random network distillation, its normalisation, and the weight that fades."""

from __future__ import annotations

import pytest
import torch

from hamlet.envs.town.training_schema import read_training
from hamlet.learning.annealing import AdaptiveAnnealing, AnnealingSettings
from hamlet.learning.curiosity import Curiosity
from hamlet.learning.rnd import RandomNetworkDistillation, RunningMoments, squared_error
from tests.learning.small_worlds import layout_of, planes_layout, same

LAYOUT = layout_of(6)


def network(**settings: int) -> RandomNetworkDistillation:
    return RandomNetworkDistillation(LAYOUT, torch.Generator().manual_seed(0), **settings)


def observations(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, LAYOUT.size, generator=torch.Generator().manual_seed(seed))


def raw_errors(rnd: RandomNetworkDistillation, seen: torch.Tensor) -> torch.Tensor:
    """What novelty is measured by, without learning from it."""
    with torch.no_grad():
        return squared_error(rnd.predictor(seen), rnd.target(seen))


def test_running_moments_equal_those_of_all_numbers_together() -> None:
    moments = RunningMoments()
    parts = [torch.tensor([3.0]), torch.tensor([1.0, 4.0, 1.0]), torch.tensor([5.0, 9.0])]
    for part in parts:
        moments.update(part)
    everything = torch.cat(parts).double()
    assert moments.mean.item() == pytest.approx(everything.mean().item())
    assert moments.deviation.item() == pytest.approx(everything.std(correction=0).item())


def test_raw_error_is_the_mean_squared_difference() -> None:
    rnd = network(embedding=4)
    seen = observations(3)
    with torch.no_grad():
        gap = rnd.predictor(seen) - rnd.target(seen)
    assert torch.allclose(raw_errors(rnd, seen), (gap**2).mean(dim=1))


def test_normalised_error_is_in_units_of_the_running_deviation() -> None:
    rnd = network()
    seen = observations(300)
    errors = raw_errors(rnd, seen)
    rnd.moments.update(errors)
    expected = errors.double() / (errors.double().std(correction=0) + 1e-8)
    assert torch.allclose(rnd.normalise(errors), expected.float(), rtol=1e-5)


def test_novelty_is_shown_from_the_second_observation_and_paid_from_the_128th() -> None:
    curious = curiosity(base_weight=0.5, train_every=128)
    reward, novelty = curious.reward(observations(1), torch.ones(1))
    assert novelty.tolist() == reward.tolist() == [0.0]  # one error has no deviation
    for count, pays in ((99, False), (27, False), (1, True)):
        reward, novelty = curious.reward(observations(count, seed=count), torch.ones(count))
        assert (novelty > 0).all()
        assert (reward > 0).all() == pays
        assert torch.equal(reward, novelty * 0.5 * pays)


def test_it_learns_from_every_128_observations() -> None:
    rnd = network()
    start = [value.clone() for value in rnd.predictor.parameters()]
    rnd.novelty(observations(127))
    assert all(map(torch.equal, start, rnd.predictor.parameters()))
    rnd.novelty(observations(1, seed=1))
    assert not any(map(torch.equal, start, rnd.predictor.parameters()))
    assert rnd.collected == 0
    rnd.novelty(observations(300, seed=2))
    assert rnd.collected == 300 - 2 * 128


def test_the_target_never_changes() -> None:
    rnd = network(train_every=16)
    start = [value.clone() for value in rnd.target.parameters()]
    for seed in range(20):
        rnd.novelty(observations(16, seed))
    assert all(map(torch.equal, start, rnd.target.parameters()))


def test_what_was_seen_often_is_less_novel_than_what_never_was() -> None:
    rnd = network(train_every=32, learning_rate=1e-3)
    familiar = observations(32) * 0.2
    for _ in range(200):
        rnd.novelty(familiar)
    strange = 1 - observations(32, seed=5) * 0.2
    assert raw_errors(rnd, strange).mean() > 10 * raw_errors(rnd, familiar).mean()


def test_planes_are_read_as_well_as_plain_numbers() -> None:
    layout = planes_layout(cells=16, planes=4)
    rnd = RandomNetworkDistillation(layout, torch.Generator().manual_seed(0), train_every=8)
    seen = torch.zeros(8, layout.size)
    seen[torch.arange(8), torch.arange(8)] = 1.0
    before = raw_errors(rnd, seen).mean()
    for _ in range(200):
        rnd.novelty(seen)
    assert raw_errors(rnd, seen).mean() < 0.5 * before


def test_saved_curiosity_goes_on_bit_for_bit() -> None:
    rnd, again = network(train_every=32), network(train_every=32)
    rnd.novelty(observations(50))
    again.load_state_dict(rnd.state_dict())
    for seed in range(1, 4):
        assert torch.equal(
            rnd.novelty(observations(20, seed)), again.novelty(observations(20, seed))
        )
    assert same(again.state_dict(), rnd.state_dict())


def curiosity(**intrinsic: float) -> Curiosity:
    return Curiosity(read_training({"intrinsic": intrinsic}), LAYOUT, max_steps=100, seed=0)


def test_reward_is_novelty_times_base_weight_times_annealed_weight_times_modifier() -> None:
    curious = curiosity(base_weight=0.5, train_every=4)
    curious.reward(observations(4), torch.ones(4))
    curious.annealing.weight = 0.25
    reward, novelty = curious.reward(observations(2, seed=1), torch.tensor([1.0, 0.0]))
    assert novelty.min() > 0
    assert reward.tolist() == pytest.approx([0.125 * novelty[0].item(), 0.0])
    assert curious.weight == 0.125


def test_without_weight_nothing_is_measured() -> None:
    curious = curiosity(base_weight=0.0)
    reward, novelty = curious.reward(observations(200), torch.ones(200))
    assert not reward.any()
    assert not novelty.any()
    assert curious.state_dict()["rnd"] is None


def annealing(window: int = 10) -> AdaptiveAnnealing:
    settings = AnnealingSettings(
        window=window, variance_below=100.0, survival_above=0.4, factor=0.99
    )
    return AdaptiveAnnealing(settings, max_steps=100)


def test_long_and_reliable_survival_anneals_once_per_episode() -> None:
    fading = annealing()
    for _ in range(9):
        fading.episode_finished(80)
    assert fading.weight == 1.0  # nine episodes say too little
    for _ in range(3):
        fading.episode_finished(80)
    assert fading.weight == pytest.approx(0.99**3)


def test_a_longer_window_is_judged_as_soon_as_ten_episodes_are_there() -> None:
    fading = annealing(window=200)
    for _ in range(9):
        fading.episode_finished(80)
    assert fading.weight == 1.0
    fading.episode_finished(80)
    assert fading.weight == 0.99
    # All of them count until 200 are there: one early death makes the others no less varied.
    varied = annealing(window=200)
    for steps in (1, *[80] * 59):  # variance 79 x 79 x 59 / 60 / 59 = 104
        varied.episode_finished(steps)
    assert varied.weight == 1.0
    for _ in range(3):  # 79 x 79 / 63 = 99.06
        varied.episode_finished(80)
    assert varied.weight == 0.99


@pytest.mark.parametrize(
    ("middle", "spread", "fades"),
    [
        # Ten episodes with four of them `spread` from the mean: variance 4 x spread ** 2 / 9.
        (60, 15, False),  # exactly 100
        (60, 14, True),  # 87
        (40, 0, False),  # mean exactly 0.4 x 100
        (41, 0, True),
    ],
)
def test_annealing_at_its_thresholds(middle: int, spread: int, fades: bool) -> None:
    fading = annealing()
    for gap in (spread, -spread, spread, -spread, 0, 0, 0, 0, 0, 0):
        fading.episode_finished(middle + gap)
    assert fading.weight == (0.99 if fades else 1.0)


def test_stable_failure_does_not_anneal() -> None:
    fading = annealing()
    for _ in range(200):
        fading.episode_finished(40)  # no variance at all, but not above 0.4 x 100
    assert fading.weight == 1.0


def test_survival_that_varies_does_not_anneal() -> None:
    fading = annealing()
    for _ in range(100):
        fading.episode_finished(60)
        fading.episode_finished(100)
    assert fading.weight == 1.0


def test_only_the_last_episodes_count() -> None:
    fading = annealing()
    for _ in range(50):
        fading.episode_finished(5)
    for _ in range(10):
        fading.episode_finished(90)
    assert fading.weight == pytest.approx(0.99)


def test_annealing_goes_on_from_a_saved_state() -> None:
    fading, again = annealing(), annealing()
    for steps in (90, 91, 92, 90, 91, 92, 90, 91):
        fading.episode_finished(steps)
    again.load_state_dict(fading.state_dict())
    for one in (fading, again):
        for _ in range(5):
            one.episode_finished(90)
    assert again.weight == fading.weight < 1.0
