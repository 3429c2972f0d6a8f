"""What may stand in a training.yaml: how an agent of the town learns, apart from its brain.

The fields of `intrinsic` below its `base_weight` mean nothing while that is 0, and those of
`curriculum` while it is not enabled. They may be given all the same, so that a switch can be
turned off and on again without losing what stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Flag, Integer, Number, Section, validate

MOST_ENVS = 4096
MOST_STEPS = 1_000_000_000

TRAINING_SCHEMA = Section(
    {
        "num_envs": Integer(1, MOST_ENVS, default=16),
        "learning_starts": Integer(0, MOST_STEPS, default=1000),
        "epsilon": Section(
            {
                "start": Number(0.0, 1.0, default=1.0),
                "decay": Number(0.0, 1.0, default=0.995, above=True),
                "minimum": Number(0.0, 1.0, default=0.01),
            },
            default={},
        ),
        "intrinsic": Section(
            {
                "base_weight": Number(0.0, 100.0, default=0.1),
                "embedding": Integer(1, 1024, default=128),
                "learning_rate": Number(0.0, 1.0, default=1e-4, above=True),
                "train_every": Integer(1, 16_384, default=128),
                "annealing": Section(
                    {
                        "window": Integer(10, 10_000, default=100),
                        "variance_below": Number(0.0, 1e9, default=100.0, above=True),
                        "survival_above": Number(0.0, 1.0, default=0.4),
                        "factor": Number(0.0, 1.0, default=0.99, above=True),
                    },
                    default={},
                ),
            },
            default={},
        ),
        "curriculum": Section(
            {
                "enabled": Flag(default=False),
                "scope": Choice("shared", "per_env", default="shared"),
                "advance_survival": Number(0.0, 1.0, default=0.7),
                "retreat_survival": Number(0.0, 1.0, default=0.3),
                "entropy_below": Number(0.0, 1.0, default=0.5, above=True),
                "dwell_steps": Integer(0, MOST_STEPS, default=1000),
            },
            default={},
        ),
        "update": Section(
            {
                "every": Integer(1, 100_000, default=4),
                "most_per_step": Integer(1, 1024, default=8),
            },
            default={},
        ),
        "checkpoint_every": Integer(1, 1_000_000, default=100),
    }
)


def read_training(data: Any, path: str = "training") -> dict[str, Any]:
    """Check the settings and write every default out. Raises: SpecError naming every fault."""
    read = validate(TRAINING_SCHEMA, data, path)
    problems = contradictions(read, path)
    if problems:
        raise SpecError(problems)
    return read


def contradictions(data: Mapping[str, Any], path: str) -> list[Problem]:
    """Faults that no single field shows."""
    found = []
    epsilon, curriculum = data["epsilon"], data["curriculum"]
    if epsilon["minimum"] > epsilon["start"]:
        message = f"found {epsilon['minimum']}; expected at most start ({epsilon['start']})"
        found.append(Problem(f"{path}.epsilon.minimum", message))
    if curriculum["retreat_survival"] >= curriculum["advance_survival"]:
        message = (
            f"found {curriculum['retreat_survival']}; expected less than advance_survival "
            f"({curriculum['advance_survival']}), or one result would mean both"
        )
        found.append(Problem(f"{path}.curriculum.retreat_survival", message))
    return found
