"""The sections of a brain spec that say how a Q-network learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hamlet.errors import Problem
from hamlet.schema import Flag, Integer, Number, Reader, Section, Tagged

MOST_UPDATES = 10**9
NEED_RECURRENT = "only with architecture.type recurrent_spatial"
MEMORY_KEEPS_NORTH = "not with recurrent_spatial: what it remembers was seen with north above"


def q_learning_sections(
    *, learning_rate: float, loss: str, batch_size: int, recurrent: bool
) -> Mapping[str, Reader]:
    """Readers of optimizer, loss, q_learning and replay, with this family's defaults."""
    return {
        "optimizer": optimizer_section(learning_rate),
        "loss": loss_section(loss),
        "q_learning": q_learning_section(recurrent=recurrent),
        "replay": replay_section(batch_size, recurrent=recurrent),
    }


def optimizer_section(learning_rate: float) -> Tagged:
    adam = {
        "adam_beta1": Number(0.0, 1.0, 0.9, below=True),
        "adam_beta2": Number(0.0, 1.0, 0.999, below=True),
        "adam_eps": Number(0.0, 1.0, 1e-8, above=True),
    }
    return Tagged(
        "type",
        {
            "adam": adam,
            "adamw": adam,
            "sgd": {
                "sgd_momentum": Number(0.0, 1.0, 0.0, below=True),
                "sgd_nesterov": Flag(False),
            },
            "rmsprop": {
                "rmsprop_alpha": Number(0.0, 1.0, 0.99, below=True),
                "rmsprop_eps": Number(0.0, 1.0, 1e-8, above=True),
            },
        },
        common={
            "learning_rate": Number(0.0, 10.0, learning_rate, above=True),
            "weight_decay": Number(0.0, 1.0, 0.0),
            "schedule": _schedule_section(),
        },
        tag_default="adam",
        default={},
        rules=(_nesterov_has_momentum, _schedule_goes_down),
    )


def _schedule_section() -> Tagged:
    decay = Number(0.0, 1.0, above=True)
    return Tagged(
        "type",
        {
            "constant": {},
            "step_decay": {"step_size": Integer(1, MOST_UPDATES), "gamma": decay},
            "cosine": {"t_max": Integer(1, MOST_UPDATES), "eta_min": Number(0.0, 10.0, 0.0)},
            "exponential": {"gamma": decay},
        },
        tag_default="constant",
        default={},
    )


def _nesterov_has_momentum(optimizer: dict[str, Any]) -> Iterator[Problem]:
    if optimizer.get("sgd_nesterov") and optimizer["sgd_momentum"] == 0:
        yield Problem("sgd_nesterov", "found true; it needs sgd_momentum above 0")


def _schedule_goes_down(optimizer: dict[str, Any]) -> Iterator[Problem]:
    lowest = optimizer["schedule"].get("eta_min", 0.0)
    if lowest > optimizer["learning_rate"]:
        message = f"found {lowest}; expected at most learning_rate {optimizer['learning_rate']}"
        yield Problem("schedule.eta_min", message)


def loss_section(default: str) -> Tagged:
    # For smooth_l1 it is PyTorch's `beta`: both losses turn from square to line there.
    delta = {"huber_delta": Number(0.0, 1e6, 1.0, above=True)}
    return Tagged(
        "type",
        {"mse": {}, "huber": delta, "smooth_l1": delta},
        tag_default=default,
        default={},
    )


def q_learning_section(*, recurrent: bool) -> Section:
    fields = {
        "gamma": Number(0.0, 1.0, 0.99),
        "target_update_frequency": Integer(1, 1_000_000, 100),
        "use_double_dqn": Flag(True),
        "n_step": Integer(1, 64, 1),
        "gradient_clip": Number(0.0, 1e6, 10.0, above=True),
    }
    if recurrent:
        return Section(fields, default={}, rules=(_one_step_only,))
    # Above 0.99 the gap to the best action would be more than a hundred times as large.
    fields["advantage_learning"] = Number(0.0, 0.99, 0.0)
    return Section(fields, default={})


def _one_step_only(q_learning: dict[str, Any]) -> Iterator[Problem]:
    if q_learning["n_step"] > 1:
        message = (
            f"found {q_learning['n_step']}; recurrent_spatial learns from one-step targets along "
            "the sequence; leave it 1"
        )
        yield Problem("n_step", message)


def replay_section(batch_size: int, *, recurrent: bool) -> Tagged:
    sequences = {"sequence_length": Integer(1, 512, 16), "burn_in": Integer(0, 512, 8)}
    singles = {"symmetries": Flag(False)}
    return Tagged(
        "prioritized",
        {
            False: {},
            True: {
                "priority_alpha": Number(0.0, 1.0, 0.6),
                "priority_beta": Number(0.0, 1.0, 0.4),
                "priority_beta_annealing": Flag(True),
            },
        },
        common={
            "capacity": Integer(1, 10_000_000, 10_000),
            "batch_size": Integer(1, 16_384, batch_size),
            **(sequences if recurrent else singles),
        },
        tag_default=False,
        default={},
        refused=dict.fromkeys(singles, MEMORY_KEEPS_NORTH)
        if recurrent
        else dict.fromkeys(sequences, NEED_RECURRENT),
        rules=(_sequences_fit,) if recurrent else (_batch_fits,),
    )


def _batch_fits(replay: dict[str, Any]) -> Iterator[Problem]:
    if replay["batch_size"] > replay["capacity"]:
        message = f"found {replay['batch_size']}; expected at most capacity {replay['capacity']}"
        yield Problem("batch_size", message)


def _sequences_fit(replay: dict[str, Any]) -> Iterator[Problem]:
    if replay["prioritized"]:
        message = "found true; recurrent_spatial draws its sequences evenly; leave it false"
        yield Problem("prioritized", message)
    steps = replay["burn_in"] + replay["sequence_length"]
    if replay["capacity"] < steps:
        message = f"found {replay['capacity']}; one sequence alone has {steps} steps"
        yield Problem("capacity", message)
