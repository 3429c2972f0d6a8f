"""What several networks say together of one board: their weighted mean, and the vote of each.

Shapes: M members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from hamlet.brains.disagreement import disagreement
from hamlet.envs.connect_four.choosing import chosen_columns, policy_over_legal
from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.asking import BOARD, POLICY, VALUE, Arrays, position_of, reply
from hamlet.schema import validate

Count = Callable[[Sequence[Arrays], Sequence[float]], dict[str, Any]]


def ballot(body: Mapping[str, Any]) -> Count:
    """What counts the votes on a board, once its networks have been asked.

    Raises: SpecError as `read_body` does, and for a `search`: members are asked once each.
    """
    return partial(voted_reply, position_of(validate(BOARD, body)))


def voted_reply(
    position: Position, members: Sequence[Arrays], weights: Sequence[float]
) -> dict[str, Any]:
    """One answer of several.

    The policy is the weighted mean of the members' policies over the legal columns, the value that
    of their values, and the move the likeliest column of that policy.

    Args:
        members: outputs of each for this position, M of them. weights: [M], none negative, their
            sum above 0; 0.5 and 0.5 count as 1 and 1.
    Returns: as `shaped_reply`, with `votes` of each member and `disagreement`.
    """
    legal = np.array([position.legal()])
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    policies = np.stack([policy_over_legal(one[POLICY], legal) for one in members])
    values = np.array([float(one[VALUE].reshape(-1)[0]) for one in members])
    together = reply(np.tensordot(shares, policies, 1), legal, float(shares @ values))
    moves = np.array([chosen_columns(policy, legal) for policy in policies])
    found = disagreement(
        torch.from_numpy(policies), torch.tensor([together["move"]]), torch.from_numpy(moves)
    )
    votes = [
        {
            "move": int(moves[member, 0]),
            "policy": policies[member, 0].tolist(),
            "value": float(values[member]),
            "weight": float(shares[member]),
        }
        for member in range(len(members))
    ]
    return {
        **together,
        "votes": votes,
        "disagreement": {
            "divergence_bits": float(found.divergence_bits[0]),
            "dissent": float(found.dissent[0]),
        },
    }
