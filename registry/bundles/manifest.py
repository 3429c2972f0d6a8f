"""What a bundle says about itself: `manifest.json`, its schema and what must agree in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import (
    Choice,
    Flag,
    ListOf,
    MapOf,
    Section,
    Text,
    Unread,
    join,
    validate,
)
from hamlet.systems import SYSTEMS
from registry import bodies, names
from registry.bundles.errors import BundleError
from registry.bundles.readers import (
    AnyText,
    Moment,
    Name,
    Number3,
    VersionNumber,
    WholeNumber,
    spelt,
)
from registry.models import ModelVersion
from registry.tags import KEY, LONGEST_DESCRIPTION, LONGEST_VALUE, MOST_TAGS
from registry.versions.models import VersionStatus

FORMAT = "hamlet-bundle-1"
MOST_VERSIONS = 10_000
MOST_MODELS = 1_000
MOST_MOVES = 100_000
DIGEST = Text(longest=64, pattern=r"[0-9a-f]{64}", shape="64 hexadecimal digits")
HASH = Text(longest=71, pattern=r"(sha256:[0-9a-f]{64})?", shape="sha256: and 64 digits")
MAPPING = Unread(dict, "a mapping")
PERSON = AnyText(150, optional=True)
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TAGS = MapOf(
    Text(longest=60, pattern=KEY.pattern, shape="a tag"),
    AnyText(LONGEST_VALUE),
    longest=MOST_TAGS,
)
CARD = Section(
    {
        "status": Choice(*VersionStatus.values),
        "description": AnyText(LONGEST_DESCRIPTION),
        "tags": TAGS,
        "changed_at": Moment(),
    }
)
PARENT = Section(
    {"model": Name(names.check_name), "number": VersionNumber(), "sha256": DIGEST}, optional=True
)
VERSION = Section(
    {
        "number": VersionNumber(),
        "sha256": DIGEST,
        "format": Choice(*ModelVersion.Format.values),
        "signature": MAPPING,
        "brain_spec_hash": HASH,
        "layout_hash": HASH,
        "run_id": Text(longest=36, pattern=UUID, shape="the id of a run", optional=True),
        "parent": PARENT,
        "lineage": MAPPING,
        "parameters": MAPPING,
        "metrics": MAPPING,
        "registered_by": PERSON,
        "created_at": Moment(),
        "card": CARD,
    }
)
ALIAS = Section({"name": Name(names.check_alias), "number": VersionNumber(), "protected": Flag()})
MOVE = Section(
    {
        "name": Name(names.check_alias),
        "old_number": VersionNumber(optional=True),
        "new_number": VersionNumber(optional=True),
        "reason": AnyText(200),
        "moved_by": PERSON,
        "moved_at": Moment(),
    }
)
MODEL = Section(
    {
        "name": Name(names.check_name),
        "system": Choice(*SYSTEMS),
        "description": AnyText(LONGEST_DESCRIPTION),
        "tags": TAGS,
        "created_at": Moment(),
        "whole": Flag(),
        "versions": ListOf(VERSION, longest=MOST_VERSIONS),
        "aliases": ListOf(ALIAS, longest=MOST_VERSIONS),
        "alias_moves": ListOf(MOVE, longest=MOST_MOVES),
    }
)
FILE = Section({"size_bytes": WholeNumber(), "media_type": AnyText(100)})
SCHEMA = Section(
    {
        "format": Choice(FORMAT),
        "files": MapOf(DIGEST, FILE, longest=20_000),
        "models": ListOf(MODEL, shortest=1, longest=MOST_MODELS),
    }
)


def write_manifest(data: dict[str, Any]) -> bytes:
    """The same data gives the same bytes."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode() + b"\n"


def read_manifest(content: bytes, digests: dict[str, int]) -> dict[str, Any]:
    """Check a stranger's manifest against its schema, itself and the files in the archive.

    Args:
        digests: size in bytes of each file that is there, by its sha256.
    Returns: the data; numbers are (major, minor, patch), times are datetimes.
    Raises: BundleError if it is no JSON that everybody reads alike; SpecError naming every fault.
    """
    try:
        data = bodies.read_json(content)
    except bodies.MalformedBodyError as error:
        raise BundleError(f"manifest.json: {error.detail}") from None
    cleaned = validate(SCHEMA, data, "manifest")
    problems = [*_file_problems(cleaned, digests)]
    if len({model["name"] for model in cleaned["models"]}) < len(cleaned["models"]):
        problems.append(Problem("manifest.models", "the name of a model stands twice"))
    problems += _parent_problems(cleaned)
    for at, model in enumerate(cleaned["models"]):
        problems += _model_problems(model, f"manifest.models[{at}]")
    if problems:
        raise SpecError(problems[:100])
    return cleaned


def _file_problems(data: dict[str, Any], digests: dict[str, int]) -> Iterator[Problem]:
    named = {digest for digest, _ in used_files(data)}
    files = data["files"]
    for digest in sorted(named - files.keys()):
        yield Problem(f"manifest.files.{digest}", "missing; a version names it")
    for digest in sorted(files.keys() - named):
        yield Problem(f"manifest.files.{digest}", "nothing in the bundle uses it")
    for digest in sorted(files.keys() ^ digests.keys()):
        where = "the manifest" if digest in digests else "the archive"
        yield Problem(f"files/{digest}", f"{where} does not have it")
    for digest in sorted(files.keys() & digests.keys()):
        if files[digest]["size_bytes"] != digests[digest]:
            message = f"found {digests[digest]} bytes; the manifest says {files[digest]}"
            yield Problem(f"files/{digest}", message)


def used_files(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(sha256, format) of the file of every version."""
    for model in data["models"]:
        for version in model["versions"]:
            yield version["sha256"], version["format"]


def _parent_problems(data: dict[str, Any]) -> Iterator[Problem]:
    members = {
        (model["name"], version["number"]): version
        for model in data["models"]
        for version in model["versions"]
    }
    for (name, number), version in members.items():
        parent = version["parent"]
        known = members.get((parent["model"], parent["number"])) if parent else None
        if known and known["sha256"] != parent["sha256"]:
            message = f"found {parent['sha256'][:12]}; that version is {known['sha256'][:12]}"
            yield Problem(f"manifest.{name}.{spelt(number)}.parent.sha256", message)


def _model_problems(model: dict[str, Any], path: str) -> Iterator[Problem]:
    numbers = [version["number"] for version in model["versions"]]
    if len(set(numbers)) < len(numbers):
        yield Problem(join(path, "versions"), "a number stands twice")
    if not model["whole"] and (model["aliases"] or model["alias_moves"]):
        yield Problem(join(path, "whole"), "found false; a part of a model carries no aliases")
    if model["whole"]:
        yield from _alias_problems(model, path)


def _alias_problems(model: dict[str, Any], path: str) -> Iterator[Problem]:
    """The history must lead, without a gap, to where the aliases stand."""
    numbers = {version["number"] for version in model["versions"]}
    stand: dict[str, Number3] = {}
    before: datetime | None = None
    for at, move in enumerate(model["alias_moves"]):
        here = f"{path}.alias_moves[{at}]"
        if before is not None and move["moved_at"] < before:
            yield Problem(here, "is earlier than the move before it")
        if stand.get(move["name"]) != move["old_number"]:
            yield Problem(here, "does not begin where the move before it ended")
        before = move["moved_at"]
        stand.pop(move["name"], None)
        if move["new_number"] is not None:
            stand[move["name"]] = move["new_number"]
    aliases = {alias["name"]: alias["number"] for alias in model["aliases"]}
    if aliases != stand or len(aliases) < len(model["aliases"]):
        yield Problem(join(path, "aliases"), "do not stand where their history ends")
    for name, number in aliases.items():
        if number not in numbers:
            message = f"names {spelt(number)}, which the bundle does not have"
            yield Problem(f"{path}.aliases.{name}", message)
