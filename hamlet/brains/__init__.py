"""Brains: from a brain spec to a network, an optimiser and a loss."""

from hamlet.brains.board import BoardBrain
from hamlet.brains.compiling import blueprint, compile_brain
from hamlet.brains.families import FAMILIES, Family
from hamlet.brains.network import CompiledBrain
from hamlet.brains.optimizing import make_loss, make_optimizer, make_scheduler
from hamlet.brains.q_network import QBrain, choose_actions
from hamlet.brains.spec import BrainSpec

__all__ = [
    "FAMILIES",
    "BoardBrain",
    "BrainSpec",
    "CompiledBrain",
    "Family",
    "QBrain",
    "blueprint",
    "choose_actions",
    "compile_brain",
    "make_loss",
    "make_optimizer",
    "make_scheduler",
]
