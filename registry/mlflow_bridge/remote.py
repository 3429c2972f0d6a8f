"""Models and versions as an MLflow registry names them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from registry.mlflow_bridge.connection import Connection
from registry.mlflow_bridge.errors import MlflowError, NotThereError, ServerError

MOST_VERSIONS = 2_000
PAGE = 200
NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)
# https://mlflow.org/docs/latest/ml/model-registry: these stand for versions there.
RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What a person named: a model, maybe one version of it, by number or alias."""

    name: str
    number: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class RemoteModel:
    """Attributes: aliases: numbers of versions by alias."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, str]


@dataclass(frozen=True)
class RemoteVersion:
    name: str
    number: str
    run_id: str
    source: str
    status: str
    description: str
    tags: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


def read_wanted(text: str) -> Wanted:
    """`walker`, `walker/3` or `walker@best`. Raises: MlflowError."""
    name, slash, number = text.partition("/")
    if slash and name and NUMBER.fullmatch(number):
        return Wanted(name, number=number)
    name, at, alias = text.rpartition("@") if "@" in text and not slash else (text, "", "")
    if not slash and name and (alias or not at) and ":" not in text:
        return Wanted(name, alias=alias or None)
    raise MlflowError(
        f"found {text[:200]!r}; expected a model of the MLflow server, as in walker (all its "
        "versions), walker/3 or walker@best"
    )


def find_model(connection: Connection, name: str) -> RemoteModel:
    """Raises: NotThereError; ServerError."""
    said = connection.ask("registered-models/get", {"name": name}).get("registered_model")
    if not isinstance(said, dict) or said.get("name") != name:
        raise ServerError(f"{connection.shown} answers of another model than {name[:100]!r}")
    aliases = _pairs(said.get("aliases"), "alias", "version")
    return RemoteModel(
        name, _text(said, "description"), _pairs(said.get("tags"), "key", "value"), aliases
    )


def find_versions(connection: Connection, wanted: Wanted) -> list[RemoteVersion]:
    """What is wanted, oldest first. Raises: NotThereError with what there is; ServerError."""
    model = find_model(connection, wanted.name)
    number = wanted.number
    if wanted.alias is not None:
        number = model.aliases.get(wanted.alias)
        if number is None:
            known = ", ".join(sorted(model.aliases)[:10]) or "none"
            raise NotThereError(
                f"{wanted.name} has no alias {wanted.alias[:100]!r} on {connection.shown}. "
                f"There are: {known}."
            )
    if number is not None:
        asked = {"name": wanted.name, "version": number}
        said = connection.ask("model-versions/get", asked).get("model_version")
        return [_version(said, wanted.name)]
    found = sorted(all_versions(connection, wanted.name), key=lambda each: int(each.number))
    if not found:
        raise NotThereError(f"{wanted.name} has no version yet on {connection.shown}.")
    return found


def all_versions(connection: Connection, name: str) -> Iterator[RemoteVersion]:
    # The filter takes either kind of quote; a name with both kinds cannot be asked for.
    quoted = f'"{name}"' if "'" in name else f"'{name}'"
    token, count = "", 0
    while True:
        asked = {"filter": f"name={quoted}", "max_results": str(PAGE)}
        if token:
            asked["page_token"] = token
        said = connection.ask("model-versions/search", asked)
        found = _dicts(said.get("model_versions"))
        count += len(found)
        if count > MOST_VERSIONS:
            raise ServerError(
                f"{name} has more than {MOST_VERSIONS} versions on {connection.shown}. "
                f"Name one of them, as in {name}/3."
            )
        yield from (_version(each, name) for each in found)
        token = said.get("next_page_token") or ""
        if not (token and found):
            return


def facts_of_run(connection: Connection, run_id: str) -> tuple[dict[str, str], dict[str, float]]:
    """(parameters, finite metrics) of a run; nothing if it is gone. Raises: ServerError."""
    if not run_id:
        return {}, {}
    try:
        run = connection.ask("runs/get", {"run_id": run_id}).get("run")
    except NotThereError:
        return {}, {}
    data = run.get("data", {}) if isinstance(run, dict) else {}
    metrics = {
        each["key"]: float(each["value"])
        for each in _dicts(data.get("metrics"))
        if isinstance(each.get("key"), str) and _is_finite(each.get("value"))
    }
    return _pairs(data.get("params"), "key", "value"), metrics


def _version(said: Any, name: str) -> RemoteVersion:
    number = str(said.get("version", "")) if isinstance(said, dict) else ""
    if not NUMBER.fullmatch(number):
        raise ServerError("the server answers with a version that has no number")
    return RemoteVersion(
        name=name,
        number=number,
        run_id=_text(said, "run_id"),
        source=_text(said, "source"),
        status=_text(said, "status") or "READY",
        description=_text(said, "description"),
        tags=_pairs(said.get("tags"), "key", "value"),
    )


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name, "")
    return value if isinstance(value, str) else ""


def _dicts(listed: Any) -> list[dict[str, Any]]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _pairs(listed: Any, key: str, value: str) -> dict[str, str]:
    return {
        each[key]: str(each.get(value, ""))
        for each in _dicts(listed)
        if isinstance(each.get(key), str)
    }
