"""The same code runs on a GPU, where there is one."""

import pytest
import torch

from hamlet.envs.town import TownEnv, list_levels, load_pack
from hamlet.envs.town.policies import make_policy
from hamlet.errors import ShapeError

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


def play(level: str, seed: int) -> list[torch.Tensor]:
    env = TownEnv(load_pack(level).level, 32, "cuda", seed)
    policy, seen = make_policy("random_legal", seed), []
    for _ in range(150):
        obs, streams, terminated, truncated, _ = env.step(policy.act(env))
        seen += [obs, streams.extrinsic]
        env.reset(terminated | truncated)
    return seen


@pytest.mark.parametrize("level", list_levels())
def test_same_seed_gives_the_same_trajectory_twice_on_the_gpu(level):
    one, two = play(level, 3), play(level, 3)
    assert all(a.equal(b) for a, b in zip(one, two, strict=True))
    assert one[0].device.type == "cuda"


@pytest.mark.parametrize("level", list_levels())
def test_gpu_and_cpu_live_the_same_life_from_the_same_state(level):
    cpu = TownEnv(load_pack(level).level, 32, "cpu", 4)
    gpu = TownEnv(load_pack(level).level, 32, "cuda", 5)
    saved = cpu.state_dict()
    gpu.load_state_dict({**saved, "generator": gpu.generator.get_state()})
    policy = make_policy("heuristic")
    for _ in range(150):
        actions = policy.act(cpu)
        here, streams, *_ = cpu.step(actions)
        there, other, *_ = gpu.step(actions.cuda())
        assert torch.allclose(there.cpu(), here, atol=1e-6)
        assert torch.allclose(other.extrinsic.cpu(), streams.extrinsic, atol=1e-6)


def test_action_out_of_range_is_refused_before_it_reaches_the_gpu():
    env = TownEnv(load_pack("L0").level, 2, "cuda")
    with pytest.raises(ShapeError, match="actions: found"):
        env.step(torch.tensor([0, 8], device="cuda"))
