"""A process that helps another one to learn: `python -m hamlet.learning.replica FOLDER RANK`.

It is told on its standard input which batch is due, one line each; when that is closed, its
master is done or dead, and it ends. It keeps nothing from one batch to the next: the weights come
with every batch, so a run that goes on elsewhere needs nothing of it.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file

from hamlet.brains import BrainSpec, compile_brain
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.learning.randomness import generator_for
from hamlet.learning.shared_batch import part_of, share_weights, shared_gradients
from hamlet.learning.supervised_examples import Examples
from hamlet.learning.supervised_losses import Objective
from hamlet.learning.supervised_order import Order

SETUP, EXAMPLES, RENDEZVOUS = "setup.json", "examples.safetensors", "rendezvous"


def join(folder: Path, rank: int, setup: dict[str, Any]) -> None:
    """Make one group of all processes. Raises: RuntimeError if the others do not come in time."""
    dist.init_process_group(
        setup["backend"],
        init_method=f"file://{folder / RENDEZVOUS}",
        rank=rank,
        world_size=setup["devices"],
        timeout=timedelta(seconds=setup["timeout_s"]),
    )


def main(folder: Path, rank: int) -> None:
    setup = json.loads((folder / SETUP).read_text("utf-8"))
    torch.set_num_threads(setup["threads"])
    device = torch.device(f"cuda:{rank}" if setup["backend"] == "nccl" else "cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    network = compile_brain(BrainSpec.from_data(setup["brain"]), LAYOUT).to(device)
    tensors = {name: tensor.to(device) for name, tensor in load_file(folder / EXAMPLES).items()}
    order = Order(Examples(**tensors), setup["batch_size"], setup["seed"], flip=setup["flip"])
    objective = Objective(**setup["objective"])
    join(folder, rank, setup)
    network.train()
    for module in network.modules() if setup["fixed_norms"] else ():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    for line in sys.stdin:
        epoch, number = json.loads(line)
        network.seed_dropout(generator_for(setup["seed"], f"replica {rank} {epoch} {number}"))
        examples, flipped = order.batch(epoch, number)
        share_weights(network)
        part = part_of(examples, flipped, rank, setup["devices"])
        shared_gradients(network, objective, part, setup["sums"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
