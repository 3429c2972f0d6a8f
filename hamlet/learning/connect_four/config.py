"""How a run of Connect Four learns: every setting, its default and its bounds.

A config comes in as people write it: camelCase or snake_case, null and {} for the defaults. It is
stored in snake_case with every default written out. The architecture is no part of what is
stored: it goes into the brain spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four import (
    alphazero_settings,
    dqn_settings,
    ensemble_settings,
    muzero_settings,
    ppo_settings,
    transformer_settings,
)
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Flag, Integer, Number, Reader, Section, describe, hint

ADVANCED: dict[str, dict[str, Reader]] = {
    "alphazero": alphazero_settings.SETTINGS,
    "muzero": muzero_settings.SETTINGS,
    "transformer": transformer_settings.SETTINGS,
    "ppo": ppo_settings.SETTINGS,
    "dqn": dqn_settings.SETTINGS,
    "ensemble": ensemble_settings.SETTINGS,
}
MODEL_TYPES = tuple(ADVANCED)
OPTIMIZERS = ("adam", "sgd", "rmsprop", "adamw", "lamb")
SCHEDULERS = ("cosine", "step", "exponential")
VALUE_TARGETS = ("outcome", "discounted", "search", "mixed")
DECAYED = ("adamw", "lamb")  # optimisers that have a weight decay of their own
# Why several devices would not help a learner; those that are fitted to examples share batches.
ONE_DEVICE = {
    "muzero": "its updates unroll games one step after the other, and are small beside its search",
    "ppo": "it learns from games that one process plays in between, some hundred moves at a time",
    "dqn": "it learns from games that one process plays in between, some moves at a time",
    "ensemble": "its members learn one after the other",
}
# A section that is null or {} has its defaults.
SECTIONS = ("regularization", "advanced_config", "augment")
MOST_EPOCHS = 1_000_000
MOST_RATING_OPENINGS = 96  # as many balanced ones as there are

REGULARIZATION = Section(
    {
        "l2": Number(0.0, 1.0, 0.0),
        "dropout": Number(0.0, 1.0, None, below=True, optional=True),  # None: the brain's own
        "weight_decay": Number(0.0, 1.0, 0.01),  # of adamw and lamb
    },
    default={},
)


def schema_for(model_type: str) -> Section:
    """The reader of a whole config of one type, in snake_case."""
    return Section(
        {
            "model_type": Choice(*MODEL_TYPES),
            "batch_size": Integer(1, 65_536, 128),
            "learning_rate": Number(0.0, 10.0, 0.001, above=True),
            "epochs": Integer(1, MOST_EPOCHS, 100),
            "validation_split": Number(0.0, 1.0, 0.2, below=True),
            "early_stopping_patience": Integer(1, MOST_EPOCHS, 10),
            "optimizer": Choice(*OPTIMIZERS, default="adam"),
            "scheduler": Choice(*SCHEDULERS, default=None, optional=True),
            "regularization": REGULARIZATION,
            "advanced_config": Section(ADVANCED[model_type], default={}),
            "grad_clip_norm": Number(0.0, 1e6, 1.0, above=True),
            "precision": Choice("fp32", "bf16", default="fp32"),
            "value_target": Choice(*VALUE_TARGETS, default="outcome"),
            "value_decay": Number(0.0, 1.0, 0.95, above=True),
            "augment": Section({"flip": Flag(True)}, default={}),
            "devices": Integer(1, 64, 1),
            # Played twice against each player of a pool after each epoch; 0: no rating.
            "rating_openings": Integer(0, MOST_RATING_OPENINGS, 0),
        },
        rules=(devices_that_help,),
    )


def devices_that_help(config: dict[str, Any]) -> Iterable[Problem]:
    reason = ONE_DEVICE.get(config["model_type"])
    if config["devices"] > 1 and reason is not None:
        yield Problem("devices", f"found {config['devices']}; expected 1: {reason}")


def read_config(data: Any, path: str = "config") -> dict[str, Any]:
    """Check a config and write every default out.

    Raises: SpecError naming every fault by its path, in snake_case.
    """
    problems: list[Problem] = []
    if not isinstance(data, Mapping):
        message = f"found {describe(data)}; expected a mapping with model_type"
        raise SpecError([Problem(path, message)])
    given = without_nothing(snake_cased(data, path, problems))
    model_type = read_model_type(given, path, problems)
    cleaned = schema_for(model_type).read(given, path, problems) if model_type else None
    if problems:
        raise SpecError(problems)
    return cleaned


def without_nothing(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without sections that are null, which mean what is said elsewhere."""
    return {k: v for k, v in config.items() if v is not None or k not in SECTIONS}


def read_model_type(given: Mapping[str, Any], path: str, problems: list[Problem]) -> str | None:
    found = given.get("model_type")
    if isinstance(found, str) and found in MODEL_TYPES:
        return found
    what = "missing" if "model_type" not in given else f"found {describe(found)}"
    message = f"{what}; expected one of {', '.join(MODEL_TYPES)}{hint(found, MODEL_TYPES)}"
    problems.append(Problem(f"{path}.model_type", message))
    return None
