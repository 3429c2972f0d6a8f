"""Reading examples that are to wait for a run. Every fault of the whole request is named at once,
an example's by its index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Flag, Section, Text, Unread, describe, validate
from registry.errors import NotChangeableError
from registry.models import RegisteredModel, User
from registry.queries import may_change_model, visible_models
from training import finetuning, run_files
from training.games.models import CONNECT_FOUR
from training.run_requests import MODEL_NAME, collect

INCREMENTAL, EXAMPLES = "incremental", "examples"
SETTLED = (
    "a run that goes on from a version has settings of its own (epochs 20, learning rate 0.0001); "
    "leave this out, or send the examples without incremental"
)
OF_A_RUN = ("name", "description", "classroom", "device", "level", "brain", "seed", "dataset")
OF_A_CONFIG = ("epochs", "learning_rate", "batch_size", "optimizer", "scheduler", "seed")
REQUEST = Section(
    {
        INCREMENTAL: Flag(),
        "system": Choice(CONNECT_FOUR, default=CONNECT_FOUR),
        "model": Text(
            None, pattern=MODEL_NAME, shape="letters, digits, - and _", longest=100, optional=True
        ),
        "base_version": Unread(str, "a version such as walker:1.2.0", default=None, optional=True),
        "config": Section(
            {
                "model_type": Text(default=None, longest=40, optional=True),
                "advanced_config": Section(
                    {
                        "base_version": Unread(
                            str, "a version such as walker:1.2.0", default=None, optional=True
                        )
                    },
                    default={},
                ),
            },
            default={},
            refused=dict.fromkeys(OF_A_CONFIG, SETTLED),
        ),
    },
    refused=dict.fromkeys(OF_A_RUN, SETTLED),
)


@dataclass(frozen=True)
class Asked:
    """A request found good: nothing of it is stored yet.

    Attributes: base: number of the version to go on from; empty: the one in service.
        examples: as JSON, as they were sent.
    """

    model: RegisteredModel
    base: str
    examples: bytes
    count: int


def is_incremental(request: Any) -> bool:
    """Whether the examples of a request for a run are to wait for others."""
    return isinstance(request, Mapping) and request.get(INCREMENTAL, False) is not False


def without_flag(request: Any) -> Any:
    """A request for a run of its own, which `incremental: false` says in so many words."""
    if not isinstance(request, Mapping) or request.get(INCREMENTAL, "") is not False:
        return request
    return {name: value for name, value in request.items() if name != INCREMENTAL}


def read(user: User, request: Mapping[str, Any]) -> Asked:
    """Raises: SpecError naming every fault; NotChangeableError; CannotLearnOnError."""
    problems: list[Problem] = []
    fields = dict(request)
    examples = fields.pop(EXAMPLES, None)
    asked = collect(problems, lambda: read_fields(fields))
    rows = collect(problems, lambda: read_rows(examples))
    found = asked and collect(problems, lambda: find_model(user, asked))
    if problems:
        raise SpecError(problems)
    model, base = found
    if not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not let it learn. Its owner and the instructors of "
            "its class may."
        )
    version = finetuning.base_of(model, base)
    check_fits(version, asked["config"]["model_type"], rows)
    return Asked(model, base, orjson.dumps(examples), len(examples))


def read_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Raises: SpecError."""
    problems: list[Problem] = []
    plain = snake_cased(fields, "", problems)
    if isinstance(plain, dict) and plain.get("config") is None:
        plain.pop("config", None)
    asked = validate(REQUEST, plain)
    if problems:
        raise SpecError(problems)
    inner = asked["config"]["advanced_config"]["base_version"]
    if None not in (inner, asked["base_version"]) and inner != asked["base_version"]:
        message = f"found {describe(inner)} here and {describe(asked['base_version'])} outside"
        raise SpecError([Problem("config.advanced_config.base_version", message)])
    return {**asked, "base_version": asked["base_version"] or inner}


def read_rows(examples: Any) -> tuple[Any, list[str]]:
    """Raises: SpecError naming the index of each wrong example."""
    from hamlet.datasets.given_examples import read_examples  # brings torch

    if examples is None:
        message = "missing; send the examples that are to be learned from"
        raise SpecError([Problem(EXAMPLES, message)])
    return read_examples(examples, path=EXAMPLES)


def find_model(user: User, asked: Mapping[str, Any]) -> tuple[RegisteredModel, str]:
    """The model that is to learn, and the number of the version it begins from, if one is named.

    Raises: SpecError.
    """
    name, base = asked["model"], ""
    if asked["base_version"] is not None:
        version = run_files.found_version(user, asked["base_version"])
        if name not in (None, version.model.name):
            message = f"found {describe(asked['base_version'])}; expected a version of {name}"
            raise SpecError([Problem("base_version", message)])
        name, base = version.model.name, version.number
    if name is None:
        message = "missing; name the model that is to learn on, or a version in base_version"
        raise SpecError([Problem("model", message)])
    models = visible_models(user).select_related("owner", "classroom")
    model = models.filter(name=name).first()
    if model is None:
        message = f"found {describe(name)}; expected the name of a model that you may see"
        raise SpecError([Problem("model", message)])
    if model.system != CONNECT_FOUR:
        message = f"{name} is a model of {model.system}, which learns from no examples"
        raise SpecError([Problem("model", message)])
    return model, base


def check_fits(version: Any, model_type: str | None, rows: tuple[Any, list[str]]) -> None:
    """Raises: SpecError if the version is of another type, or needs whole games and gets none."""
    kind = finetuning.brain_of(version)["architecture"]["type"]
    if model_type not in (None, kind):
        message = f"found {describe(model_type)}; {version}, from which it goes on, is {kind}"
        raise SpecError([Problem("config.model_type", message)])
    if finetuning.needs_whole_games(version):
        from hamlet.datasets.whole_games import whole_games

        whole_games(*rows, path=EXAMPLES)
