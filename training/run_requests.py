"""Reading a request for a run: the platform's own fields, and the rest by its system's schema.

Every fault of the whole request is named at once, each with the path of its field.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.runspec import RunSpec
from hamlet.schema import Choice, Integer, Reader, Section, Text, describe, read_yaml
from hamlet.systems import System, find_system
from registry.accounts.queries import taught_classrooms
from registry.models import BrainSpec, Classroom, RegisteredModel, User
from registry.queries import may_change_model, seen_by_the_same, visible_brains
from training import run_files
from training.dispatch import QUEUES

MODEL_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}"


class NameOrNumber(Reader):
    """A class by its name or its number."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        number = isinstance(value, int) and not isinstance(value, bool)
        return (Integer(1, 2**31 - 1) if number else Text(longest=100)).read(value, path, problems)


PLATFORM = Section(
    {
        "name": Text(None, longest=100, pattern=r".*\S.*", shape="a name", optional=True),
        "model": Text(
            None, pattern=MODEL_NAME, shape="letters, digits, - and _", longest=100, optional=True
        ),
        "classroom": NameOrNumber(None, optional=True),
        "device": Choice(*QUEUES, default="cpu"),
    }
)


@dataclass(frozen=True)
class RunRequest:
    """A request found good: nothing of it is stored yet."""

    system: System
    spec: RunSpec
    level: str
    name: str
    model_name: str
    classroom: Classroom | None
    brain: BrainSpec | None
    queue: str


def read_request(user: User, body: Any) -> RunRequest:
    """Raises: SpecError naming every fault; DatasetNotReadyError, OtherBrainError."""
    if not isinstance(body, Mapping):
        message = f"found {describe(body)}; expected a mapping"
        raise SpecError([Problem("(document)", message)])
    problems: list[Problem] = []
    own = {name: value for name, value in body.items() if name in PLATFORM.fields}
    rest = {name: value for name, value in body.items() if name not in PLATFORM.fields}
    platform = PLATFORM.read(own, "", problems)
    brain, rest = collect(problems, lambda: resolve_brain(user, rest)) or (None, None)
    system = collect(problems, lambda: find_system(body))
    base = None
    if system is not None and system.begins_from_files and rest is not None:
        rest, base = collect(problems, lambda: run_files.with_files(user, rest)) or (None, None)
    spec = None
    if system is not None and rest is not None:
        spec = collect(problems, lambda: system.build_runspec(rest))
    # A class of the wrong type is a fault already; one of the right type is looked for.
    named = None if "classroom" in {p.path for p in problems} else platform["classroom"]
    classroom = collect(problems, lambda: find_taught_classroom(user, named))
    if problems:
        raise SpecError(problems)
    run_files.check_base(spec, base)
    level = level_name(body, spec)
    return RunRequest(
        system=system,
        spec=spec,
        level=level,
        name=platform["name"] or f"{system.title} {level}".strip(),
        model_name=platform["model"] or free_model_name(user, system.name, level, classroom),
        classroom=classroom,
        brain=brain,
        queue=QUEUES[platform["device"]],
    )


def collect(problems: list[Problem], read: Any) -> Any:
    """What `read` gives, or None after adding the faults it names."""
    try:
        return read()
    except SpecError as error:
        problems.extend(error.problems)
        return None


def resolve_brain(user: User, fields: Mapping[str, Any]) -> tuple[BrainSpec | None, dict[str, Any]]:
    """Put the brain itself in the place of its name or its YAML text.

    Text of one line without a colon is the name of a saved brain; other text is YAML.

    Returns: (the saved brain if one was named, the fields with the brain as plain data).
    """
    brain = fields.get("brain")
    if not isinstance(brain, str):
        return None, dict(fields)
    if "\n" in brain or ":" in brain:
        return None, {**fields, "brain": read_yaml(brain, name="brain")}
    saved = visible_brains(user).filter(name=brain).first() if "\x00" not in brain else None
    if saved is None:
        message = (
            f"found {describe(brain)}; expected the name of a brain spec that you may see, "
            "a mapping, or the text of a brain.yaml"
        )
        raise SpecError([Problem("brain", message)])
    return saved, {**fields, "brain": saved.data}


def find_taught_classroom(user: User, named: str | int | None) -> Classroom | None:
    if named is None:
        return None
    taught = taught_classrooms(user)
    by = {"pk": named} if isinstance(named, int) else {"name": named}
    classroom = taught.filter(**by).first()
    if classroom is None:
        known = ", ".join(taught.order_by("name").values_list("name", flat=True)[:10]) or "none yet"
        message = f"found {describe(named)}; expected a class that you teach ({known})"
        raise SpecError([Problem("classroom", message)])
    return classroom


def level_name(body: Mapping[str, Any], spec: RunSpec) -> str:
    """What lists and names say for the level; empty for systems without levels."""
    level = body.get("level", spec.content.get("level"))
    if isinstance(level, Mapping):
        level = level.get("name")
    return level[:100] if isinstance(level, str) else ""


def free_model_name(user: User, system: str, level: str, classroom: Classroom | None) -> str:
    """`town-L1`, or with the user's name and number where that is not for this user and class."""
    for name in default_names(user, slug(f"{system}-{level}" if level else system)):
        model = RegisteredModel.objects.filter(name=name).first()
        if model is None or (
            model.system == system
            and may_change_model(user, model)
            and seen_by_the_same(model, user, classroom)
        ):
            return name
    raise AssertionError("there are names without end")


def default_names(user: User, plain: str) -> Iterator[str]:
    yield plain
    # The number keeps apart whom the slug makes equal: the users `a.b` and `a-b`.
    own = f"{slug(f'{plain}-{user.username}')[:80]}-{user.pk}"
    yield own
    yield from (f"{own}-{count}" for count in itertools.count(2))


def slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:100]
