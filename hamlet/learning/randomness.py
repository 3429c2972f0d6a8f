"""One torch.Generator per purpose, all derived from the run's seed.

A run never touches the global generator, so that two trainers in one process do not disturb each
other, and so that adding a draw for one purpose does not change the numbers of another.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose of a run; seeds of different purposes are unrelated."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes 63 bits


def generator_for(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    return torch.Generator(device=device).manual_seed(derived_seed(seed, purpose))
