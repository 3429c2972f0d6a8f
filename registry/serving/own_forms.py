"""What a system makes of its own form of a question: an answer in its own words.

Town: the outputs say it all. Connect Four: a move, its confidence, and a search if one is wished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hamlet.signature import Signature
from hamlet.systems import SYSTEMS, System
from registry.serving.inputs import INPUTS, Arrays
from registry.serving.targets import Target

Think = Callable[[Callable[[Arrays], Arrays]], dict[str, Any]]


def system_of(signature: Signature, body: Mapping[str, Any]) -> System | None:
    """The system in whose own form a question is put; None where inputs come by name."""
    return None if INPUTS in body else SYSTEMS.get(signature.adapter or "")


def deliberation(signature: Signature, body: Mapping[str, Any]) -> Think | None:
    """What answers a question that wishes more than one run of the model. Raises: SpecError."""
    system = system_of(signature, body)
    return None if system is None else system.deliberation(body)


def shape_reply(signature: Signature, body: Mapping[str, Any], outputs: Arrays) -> dict[str, Any]:
    """The answer in the system's own words; empty where the outputs say it all."""
    system = system_of(signature, body)
    return {} if system is None else system.shape_reply(body, outputs)


VOTED_ON = {system.votes_on: system for system in SYSTEMS.values() if system.votes_on}


def voting_system(data: Any) -> System | None:
    """The system whose versions vote on what this question asks; None where it asks none."""
    fields = data if isinstance(data, Mapping) else ()
    return next((system for field, system in VOTED_ON.items() if field in fields), None)


def named(target: Target | None, shaped: Mapping[str, Any], run_ms: float) -> dict[str, Any]:
    """The answer with who gave it, None for several. Without a deployment there is no arm."""
    return {
        **shaped,
        "model_version": None if target is None else target.number,
        "deployment": None,
        "arm": None,
        "inference_time_ms": run_ms,
    }
