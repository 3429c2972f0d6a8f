"""The networks that are asked, as files, and the questions they are asked."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import save_inference
from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.observations import layout_for
from hamlet.envs.town.packs import load_pack
from hamlet.model import HamletModel

BOARD = (3, 6, 7)  # mine, theirs, whose turn; 6 rows of 7 columns


def town_checkpoint(level: str, seed: int) -> bytes:
    """The shipped feedforward brain of a level with weights nobody has trained."""
    pack, generator = load_pack(level), torch.Generator().manual_seed(seed)
    spec = BrainSpec.from_data(pack.brain)
    network = compile_brain(spec, layout_for(pack.level), generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "town.safetensors"
        save_inference(path, HamletModel(network, {"level": level, "weights": "random"}))
        return path.read_bytes()


def town_question(level: str, seed: int) -> dict[str, Any]:
    """What an agent sees in a new town: one row of every input, as JSON holds it."""
    town = TownEnv(load_pack(level).level, 1, seed=seed)
    observation = town.reset(seed=seed)
    return {"observation": observation.tolist(), "action_mask": town.action_mask.tolist()}


class Block(nn.Module):
    """Two convolutions past which the input goes on unchanged (He et al., arXiv:1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = convolution(width, width), convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class ResidualTower(nn.Module):
    """A policy and value network in the form of AlphaZero, of about 300,000 parameters.

    Source: Silver et al., https://arxiv.org/abs/1712.01815, at the size of Connect Four.
    """

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        cells = BOARD[1] * BOARD[2]
        self.stem = convolution(BOARD[0], width)
        self.tower = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.policy = nn.Sequential(
            *(convolution(width, 2, 1), nn.ReLU(), nn.Flatten()), nn.Linear(2 * cells, BOARD[2])
        )
        self.value = nn.Sequential(
            *(convolution(width, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(cells, 64), nn.ReLU()),
            *(nn.Linear(64, 1), nn.Tanh()),
        )

    def forward(self, boards: Tensor) -> tuple[Tensor, Tensor]:
        """boards: [B, 3, 6, 7]. Returns: (policy logits [B, 7], value [B, 1])."""
        features = self.tower(torch.relu(self.stem(boards)))
        return self.policy(features), self.value(features)


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    convolving = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
    return nn.Sequential(convolving, nn.BatchNorm2d(outputs))


class DenseNetwork(nn.Module):
    """Boards through layers so wide that one row reads far more weights than it computes with:
    the kind of network for which batches were made."""

    def __init__(self, width: int = 2048) -> None:
        super().__init__()
        size = BOARD[0] * BOARD[1] * BOARD[2]
        self.body = nn.Sequential(
            *(nn.Flatten(), nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()),
        )
        self.policy, self.value = nn.Linear(width, BOARD[2]), nn.Linear(width, 1)

    def forward(self, boards: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(boards)
        return self.policy(features), torch.tanh(self.value(features))


BOARD_NETWORKS = {"residual tower": ResidualTower, "dense": DenseNetwork}


def board_network(name: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return BOARD_NETWORKS[name]().eval()


def write_onnx(network: nn.Module, path: Path) -> None:
    """As somebody would bring it from elsewhere: plain torch.onnx.export, batch axis free."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # of torchvision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, *BOARD),),
            path,
            input_names=["boards"],
            output_names=["policy", "value"],
            dynamic_shapes={"boards": {0: torch.export.Dim("batch")}},
            opset_version=18,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def boards(count: int, seed: int) -> np.ndarray:
    """[count, 3, 6, 7] float32 of zeros and ones, at random: nobody plays here."""
    return np.random.default_rng(seed).integers(0, 2, (count, *BOARD)).astype(np.float32)


def body(model: str, alias: str, inputs: Mapping[str, Any]) -> bytes:
    """A question of `POST /api/v1/predict`."""
    return json.dumps({"model": model, "alias": alias, "inputs": inputs}).encode()
