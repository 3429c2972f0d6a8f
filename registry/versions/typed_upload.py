"""Files of a named kind of network for Connect Four: told apart, then uploaded as every file is.

`model_type` says what the file is meant to be, and the file must be that: an inference checkpoint
and an ONNX file of hamlet say themselves what they hold, plain weights must fit the network that
`metadata` names (`brain` or `preset`; the small one of the type if it names none).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamlet.bare_weights import is_bare
from hamlet.brains import BrainSpec
from hamlet.brains.board import INPUT, POLICY, VALUE
from hamlet.brains.presets import BOARD_TYPES, LARGE, SMALL, preset
from hamlet.envs.connect_four.layout import LAYOUT, SHAPE
from hamlet.errors import Problem, SpecError, attempt
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Integer, Section, Text, Unread, read_yaml, validate
from hamlet.signature import BATCH, Signature, spell
from registry.accounts.models import User
from registry.idempotency import check_key
from registry.models import ModelVersion, RegisteredModel
from registry.services import model_to_fill
from registry.versions.numbering import PARTS
from registry.versions.once import DoneBeforeError, Once, digest_of
from registry.versions.uploading import (
    LONGEST_TEXT,
    check_one_file,
    on_disk,
    read_mapping,
    register_file,
)

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from registry.versions.inspecting import Inspection

SYSTEM = "connect_four"
FILE, METADATA, MODEL_TYPE = "model", "metadata", "model_type"
FORM = Section(
    {MODEL_TYPE: Choice(*BOARD_TYPES), METADATA: Text("", longest=LONGEST_TEXT)},
)
TENSORS = (
    [(INPUT, "float32", (BATCH, *SHAPE))],
    [(POLICY, "float32", (BATCH, len(LAYOUT.actions))), (VALUE, "float32", (BATCH, 1))],
)
TEXTS = ("description", "dataset", "parent", "part")
MAPPINGS = ("tags", "metrics", "parameters")
CARD = Section(
    {
        "name": Text(None, longest=100, optional=True),
        "classroom": Integer(1, 2**31 - 1, default=None, optional=True),
        "preset": Choice(SMALL, LARGE, default=None, optional=True),
        "brain": Unread(Mapping | str, "YAML text or a mapping", default=None, optional=True),
        "description": Text("", longest=10_000),
        "dataset": Text("", longest=500),
        "parent": Text("", longest=50),
        "part": Choice("", *PARTS, default=""),
        **{name: Unread(Mapping, "a JSON object", default={}) for name in MAPPINGS},
    }
)


@dataclass(frozen=True)
class Asked:
    """A form that was read.

    Attributes:
        spec: of the network that the metadata name, at `named` of them; None where they name none.
    """

    model_type: str
    card: dict[str, Any]
    spec: BrainSpec | None
    named: str

    @property
    def model_name(self) -> str:
        return self.card["name"] or f"{SYSTEM}-{self.model_type}"


def register_typed(
    files: Mapping[str, UploadedFile],
    fields: Mapping[str, str],
    user: User,
    *,
    idempotency_key: str | None = None,
) -> tuple[ModelVersion, bool]:
    """Register a file that holds what its `model_type` says.

    Returns: (the version, whether this call made it: not if the key was used before).
    Raises: as `register_upload`, with paths of this form; ConflictError if the key was used with
        another file or form.
    """
    check_key(idempotency_key)
    asked = read_form(fields)
    check_one_file(files, FILE)
    with on_disk(files[FILE]) as path:
        once = Once(user, idempotency_key, digest_of(path, fields))
        if (earlier := once.find()) is not None:
            return earlier, False
        try:
            with in_words_of_the_form():
                name = files[FILE].name or ""
                return register_path(path, asked, user, once, name=name), True
        except DoneBeforeError as done:
            return done.version, False


def register_path(
    path: Path, asked: Asked, user: User, once: Once, *, name: str = ""
) -> ModelVersion:
    """Raises: as `register_typed`; DoneBeforeError if the same request won meanwhile."""
    texts = {"brain": "", "layout": ""}
    if is_bare(path):
        spec = asked.spec or preset(asked.model_type)
        texts = {"brain": spec.to_yaml(), "layout": json.dumps(LAYOUT.to_data())}
    card = {name: asked.card[name] for name in TEXTS}
    card |= {name: json.dumps(asked.card[name]) for name in MAPPINGS}

    def find_model() -> RegisteredModel:
        model = model_to_fill(
            name=asked.model_name, system=SYSTEM, user=user, classroom=asked.card["classroom"]
        )
        if model.system != SYSTEM:
            message = f"found {model.name} of {model.system}; expected a model for {SYSTEM}"
            raise SpecError([Problem("name", message)])
        once.check_first(model)
        return model

    return register_file(
        find_model,
        path,
        user,
        name=name,
        judge=lambda found: judge(found, asked),
        noted={"model_type": asked.model_type, **once.noted},
        **texts,
        **card,
    )


def read_form(fields: Mapping[str, str]) -> Asked:
    """Raises: SpecError naming every fault, in paths such as `metadata.preset`."""
    problems: list[Problem] = []
    sent = {name: fields[name] for name in fields if name != "csrfmiddlewaretoken"}
    form = validate(FORM, snake_cased(sent, "", problems))
    card = validate(CARD, read_mapping(form[METADATA], METADATA), METADATA)
    spec, named = None, ""
    if card["preset"] is not None:
        spec, named = preset(form[MODEL_TYPE], card["preset"]), "preset"
    if card["brain"] is not None:
        path = f"{METADATA}.brain"
        if spec is not None:
            problems.append(Problem(path, "stands beside preset; send one of them"))
        spec, named = attempt(problems, read_brain, card["brain"], path), "brain"
        if spec is not None and spec.type != form[MODEL_TYPE]:
            message = f"found {spec.type}; expected {form[MODEL_TYPE]}, as model_type says"
            problems.append(Problem(f"{path}.architecture.type", message))
    if problems:
        raise SpecError(problems)
    return Asked(form[MODEL_TYPE], card, spec, named)


def read_brain(brain: str | Mapping[str, Any], path: str) -> BrainSpec:
    """Raises: SpecError."""
    data = read_yaml(brain, name=path) if isinstance(brain, str) else brain
    return BrainSpec.from_data(data, path)


def judge(found: Inspection, asked: Asked) -> None:
    """Whether a sound file is what it was said to be. Raises: SpecError."""
    problems = [*wrong_tensors(found.read_signature())]
    if found.brain_spec is None:
        if asked.spec is not None:
            message = "given, but the file does not say what network it holds; leave it out"
            problems.append(Problem(asked.named, message))
        return raise_any(problems)
    spec = BrainSpec.from_data(found.brain_spec, "file")
    if spec.type != asked.model_type:
        message = f"found {asked.model_type}; the file holds a network of the type {spec.type}"
        problems.append(Problem(MODEL_TYPE, message))
    elif asked.spec is not None and spec.hash != asked.spec.hash:
        message = f"the file holds another network: {spec.hash}; this one is {asked.spec.hash}"
        problems.append(Problem(asked.named, message))
    return raise_any(problems)


def raise_any(problems: list[Problem]) -> None:
    if problems:
        raise SpecError(problems)


def wrong_tensors(signature: Signature) -> Iterator[Problem]:
    """Every network of the game takes and gives the same."""
    shown = [
        [(one.name, one.dtype, one.shape) for one in tensors]
        for tensors in (signature.inputs, signature.outputs)
    ]
    for place, tensors, expected in zip(("inputs", "outputs"), shown, TENSORS, strict=True):
        if tensors != expected:
            message = f"found {place} {spelt(tensors)}; expected {spelt(expected)}"
            yield Problem("file", message)


def spelt(tensors: list[tuple[str, str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{name} {dtype} {spell(shape)}" for name, dtype, shape in tensors)


@contextmanager
def in_words_of_the_form() -> Iterator[None]:
    """What the ordinary upload calls `file` is `model` here, and its other fields are metadata."""
    own = {"file": FILE, "model": f"{METADATA}.name", MODEL_TYPE: MODEL_TYPE}
    try:
        yield
    except SpecError as error:
        renamed = []
        for path, message in error.problems:
            head, dot, rest = path.partition(".")
            renamed.append(Problem(f"{own.get(head, f'{METADATA}.{head}')}{dot}{rest}", message))
        raise SpecError(renamed) from None
