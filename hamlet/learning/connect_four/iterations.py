"""How many epochs of a run are self-play; those before are a fit to given examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError


def iterations_of(settings: Mapping[str, Any], epochs: int, has_examples: bool) -> int:
    """How many epochs of a run are self-play.

    Raises: SpecError if the number given does not fit the epochs.
    """
    given = settings["iterations"]
    if given is None:
        return 0 if has_examples else epochs
    path = "content.config.advanced_config.self_play.iterations"
    if given > epochs:
        raise SpecError([Problem(path, f"found {given}; the run has {epochs} epochs")])
    if given < epochs and not has_examples:
        message = (
            f"found {given} of {epochs} epochs; a run without examples has nothing else to do in "
            "the others; leave it out, or set epochs to the same number"
        )
        raise SpecError([Problem(path, message)])
    return given
