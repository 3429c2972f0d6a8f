"""The plain Python town that benchmarks run beside ours plays the same game."""

import numpy as np
import pytest
import torch

from benchmarks.peers.plain_town import PlainTown
from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.packs import list_levels, load_pack

EPISODES = 6


@pytest.mark.parametrize("name", list_levels())
def test_plain_town_plays_what_the_batched_town_plays(name):
    town, plain = TownEnv(load_pack(name).level, 1, seed=5), PlainTown(name)
    generator = torch.Generator().manual_seed(3)
    for _ in range(EPISODES):
        town.reset()
        places = {kind: cell for kind, cell in enumerate(town.places[0].tolist()) if cell >= 0}
        obs, info = plain.place(places, int(town.cell), int(town.hour))
        ended = False
        while not ended:
            np.testing.assert_allclose(obs, town.obs[0].numpy(), atol=2e-5)
            assert (info["action_mask"] == town.action_mask[0].numpy()).all()
            # Mostly interact, or hardly anything is ever used.
            action = torch.randint(-8, 8, (1,), generator=generator).clamp_min(4)
            action = torch.where(torch.rand(1, generator=generator) < 0.5, action, action % 4)
            obs, reward, *ends, info = plain.step(int(action))
            _, streams, terminated, truncated, _ = town.step(action)
            assert reward == pytest.approx(float(streams.extrinsic), abs=2e-5)
            assert ends == [bool(terminated), bool(truncated)]
            ended = any(ends)
        np.testing.assert_allclose(obs, town.obs[0].numpy(), atol=2e-5)


def test_reset_with_a_seed_gives_the_same_town_twice():
    plain = PlainTown("L3")
    first, _ = plain.reset(seed=4)
    again, _ = plain.reset(seed=4)
    other, _ = plain.reset(seed=5)
    assert (first == again).all()
    assert (first != other).any()
