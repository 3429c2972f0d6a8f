"""The same games run on a GPU, where there is one."""

import pytest
import torch

from hamlet.envs.connect_four.batch import ConnectFourBatch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


def test_gpu_and_cpu_play_the_same_games():
    here, there = ConnectFourBatch(5000), ConnectFourBatch(5000, "cuda")
    draw = torch.Generator().manual_seed(1)
    while not bool(here.ended.all()):
        columns = (torch.rand(5000, 7, generator=draw) * here.legal()).argmax(dim=1)
        for mine, theirs in zip(here.step(columns), there.step(columns.cuda()), strict=True):
            assert torch.equal(mine, theirs.cpu())
        assert torch.equal(here.planes(), there.planes().cpu())
        assert torch.equal(here.canonical_keys(), there.canonical_keys().cpu())
    here.undo(), there.undo()
    for name, tensor in there.mirror().state_dict().items():
        assert tensor.device.type == "cuda"
        assert torch.equal(here.mirror().state_dict()[name], tensor.cpu())
