"""Reading a request for a search: what is common to its trials, and what they try."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake, snake_cased
from hamlet.runspec import MAX_SEED
from hamlet.schema import Choice, Integer, Section, Text, Unread, describe
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.artifacts.store import store_file
from registry.jobs.kinds import Prepared
from registry.models import User
from registry.services import ensure_model
from training.hypersearch.space import Parameter, problems_of, read_space, with_values
from training.hypersearch.suggesting import check_installed
from training.hypersearch.trials import METRIC
from training.run_files import DATASET, EXAMPLES
from training.run_requests import MODEL_NAME, RunRequest, collect, read_request

SYSTEM = "connect_four"
MODE = "min"
MEDIAN, NEVER = EARLY_STOPPING = ("median", "none")
DEFAULT_SAMPLES, MOST_SAMPLES = 10, 200
DEFAULT_AT_ONCE, MOST_AT_ONCE = 2, 16
LONGEST_NAME, LONGEST_MODEL = 90, 90
TRIALS = "-trials"  # after the model's name: where the versions of trials are registered
SPACE = "search_space"
# Fields that every trial's run is asked for with.
OF_A_RUN = ("system", "level", "config", "brain", DATASET, "base_version", "classroom", "device")
ANYTHING = Unread(object, "a value", default=None, optional=True)
REQUEST = Section(
    {
        **dict.fromkeys((*OF_A_RUN, EXAMPLES), ANYTHING),
        "system": Choice(SYSTEM, default=SYSTEM),
        "config": Unread(Mapping, "a mapping", default={}, optional=True),
        SPACE: Unread(object, "a mapping"),
        "num_samples": Integer(1, MOST_SAMPLES, default=DEFAULT_SAMPLES),
        "max_concurrent": Integer(1, MOST_AT_ONCE, default=DEFAULT_AT_ONCE),
        "early_stopping": Choice(*EARLY_STOPPING, default=MEDIAN),
        "metric": Choice(METRIC, default=METRIC),
        "mode": Choice(MODE, default=MODE),
        "name": Text(None, longest=LONGEST_NAME, pattern=r".*\S.*", shape="a name", optional=True),
        "model": Text(
            None,
            pattern=MODEL_NAME,
            shape="letters, digits, - and _",
            longest=LONGEST_MODEL,
            optional=True,
        ),
        "seed": Integer(0, MAX_SEED, default=None, optional=True),
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args: request: `examples` or `dataset`, `config`, `search_space`; see REQUEST.

    Raises: SpecError naming every fault, DatasetNotReadyError, OtherBrainError, NameTakenError,
        SearchNotInstalledError.
    """
    check_installed()
    problems: list[Problem] = []
    asked = read_fields(request, problems)
    body = run_body(asked)
    wanted = collect(problems, lambda: read_request(user, with_examples(body, asked[EXAMPLES])))
    parameters = read_space(asked[SPACE], SPACE, problems)
    if wanted is not None:
        problems += unvalidated(asked, wanted)
    if wanted is not None and not problems:
        problems += problems_of(parameters, SPACE, lambda values: rebuild(body, wanted, values))
    if problems:
        raise SpecError(problems)
    return prepared(user, asked, body, wanted, parameters)


def read_fields(request: Any, problems: list[Problem]) -> dict[str, Any]:
    """The fields of the search, in snake_case. Raises: SpecError if they say nothing to go on."""
    if not isinstance(request, Mapping):
        message = f"found {describe(request)}; expected a mapping with {SPACE}"
        raise SpecError([Problem("(document)", message)])
    # Examples have names of their own, and are read with their places.
    given = {snake(name): value for name, value in request.items() if isinstance(name, str)}
    found: list[Problem] = []
    asked = REQUEST.read(given, "", found)
    if found:
        raise SpecError(found)
    asked["config"] = snake_cased(asked["config"] or {}, "config", problems)
    return asked


def run_body(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the requests for the runs of all trials share, but for examples."""
    return {name: asked[name] for name in OF_A_RUN if asked[name] is not None}


def with_examples(body: Mapping[str, Any], examples: Any) -> dict[str, Any]:
    return dict(body) if examples is None else {**body, EXAMPLES: examples}


def unvalidated(asked: Mapping[str, Any], wanted: RunRequest) -> list[Problem]:
    """What would leave the trials without the number that they are compared by."""
    problems = []
    if asked[EXAMPLES] is None and asked[DATASET] is None:
        message = f"missing; a search needs examples or a dataset to measure {METRIC} on"
        problems.append(Problem(EXAMPLES, message))
    if wanted.spec.content["config"]["validation_split"] == 0:
        message = f"found 0; {METRIC} needs examples that are held back, such as 0.2"
        problems.append(Problem("config.validation_split", message))
    return problems


def rebuild(body: Mapping[str, Any], wanted: RunRequest, values: Mapping[str, Any]) -> None:
    """Read the request for a trial's run without looking up anew what it names.

    Raises: SpecError if the run would be refused.
    """
    content = wanted.spec.content
    fields = {name: body[name] for name in ("system", "level", "brain") if name in body}
    fields["config"] = with_values(body["config"], values)
    fields |= {"dataset": content["dataset"], "base": content["base"]}
    if content["base"] is not None:
        fields["brain"] = content["brain"]
        fields["config"].setdefault("model_type", wanted.spec.trainer)
    wanted.system.build_runspec(fields)


def prepared(
    user: User,
    asked: Mapping[str, Any],
    body: Mapping[str, Any],
    wanted: RunRequest,
    parameters: list[Parameter],
) -> Prepared:
    """Raises: NameTakenError when the job is made, if the models cannot be had."""
    model = asked["model"] or wanted.model_name[:LONGEST_MODEL]
    seed = secrets.randbelow(MAX_SEED) if asked["seed"] is None else asked["seed"]
    request = {
        "run": dict(body),
        "name": (asked["name"] or f"search {model}")[:LONGEST_NAME],
        "model": model,
        "space": [one.to_data() for one in parameters],
        "seed": seed,
        **{name: asked[name] for name in ("num_samples", "max_concurrent", "early_stopping")},
    }

    def keep_names(_: object) -> None:
        for name in (model, model + TRIALS):
            ensure_model(name, SYSTEM, user, wanted.classroom)

    return Prepared(
        request=request,
        total=asked["num_samples"],
        classroom=wanted.classroom,
        question=None if asked[EXAMPLES] is None else stored(asked[EXAMPLES]),
        on_made=keep_names,
    )


def stored(examples: Any) -> Artifact:
    """Keep the examples as they came; each trial's run reads them again."""
    path = disk.temporary_path()
    try:
        path.write_bytes(orjson.dumps(examples))
        return store_file(path, "application/json", move=True)
    finally:
        path.unlink(missing_ok=True)
