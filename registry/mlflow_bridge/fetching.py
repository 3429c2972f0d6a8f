"""Find out what a version of an MLflow registry is, and fetch the files of one that is taken.

Only files whose names are known are asked for: `MLmodel`, our record, the ONNX file and the weights
beside it. Nothing of a flavour is loaded; what is no ONNX model is told apart by its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hamlet.errors import SpecError
from hamlet.yaml_documents import MAX_DOCUMENT_BYTES, read_yaml
from registry.mlflow_bridge import record
from registry.mlflow_bridge.connection import Connection
from registry.mlflow_bridge.errors import NotThereError, UntakenError
from registry.mlflow_bridge.external_data import files_beside, make_whole
from registry.mlflow_bridge.remote import RemoteVersion
from registry.versions.inspecting import MOST_FILE_BYTES

MLMODEL = "MLmodel"
ONNX = "onnx"
PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}){0,5}")
READY = "READY"
CONVERT = (
    "Only ONNX models are taken, since other files run code when they are read. Convert the model "
    "where it was made (torch.onnx.export, skl2onnx, tf2onnx), log it with mlflow.onnx.log_model, "
    "and import that version"
)


@dataclass(frozen=True)
class Described:
    """What a version's `MLmodel` says.

    Attributes:
        exported: whether it says that this product wrote it.
        graph: path of its ONNX file among its files. left: flavours that are not looked at.
    """

    exported: bool
    graph: str
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetched:
    """A file that is here now, in a folder of the caller's.

    Attributes:
        name: its path over there.
        sha256: of all files as they were fetched, by their paths over there.
        record: what `hamlet.json` says; None for a model that was made elsewhere.
        left: flavours of it that were not looked at.
    """

    path: Path
    name: str
    sha256: Mapping[str, str]
    record: dict[str, Any] | None = None
    left: tuple[str, ...] = ()


class Fetcher:
    """Files of one version, all of them together no larger than one model may be."""

    def __init__(self, connection: Connection, version: RemoteVersion, folder: Path) -> None:
        self.connection, self.version, self.folder = connection, version, folder
        self.left_bytes = MOST_FILE_BYTES
        self.sha256: dict[str, str] = {}

    def fetch(self, path: str, most_bytes: int | None = None) -> Path:
        """Returns: the file, under a name of ours. Raises: NotThereError; ServerError."""
        local = self.folder / f"file-{len(self.sha256)}"
        asked = {"name": self.version.name, "version": self.version.number, "path": path}
        most = self.left_bytes if most_bytes is None else most_bytes
        with local.open("xb") as into:
            self.sha256[path] = self.connection.download(asked, into, most)
        self.left_bytes -= local.stat().st_size if most_bytes is None else 0
        return local


def fetch_version(connection: Connection, version: RemoteVersion, folder: Path) -> Fetched:
    """Raises: UntakenError with what was found; ServerError; FileRejectedError; SpecError."""
    fetcher = Fetcher(connection, version, folder)
    described = describe(fetcher)
    if described.exported:
        return fetch_export(fetcher)
    name = PurePosixPath(described.graph)
    what = f"{version} {name.name}"
    graph = fetcher.fetch(described.graph)
    beside = files_beside(graph, what)
    whole = graph
    if beside:
        weights = {each: fetcher.fetch(str(name.parent / each)) for each in beside}
        whole = folder / "whole"
        make_whole(graph, weights, whole, what)
    return Fetched(whole, described.graph, fetcher.sha256, left=described.left)


def fetch_export(fetcher: Fetcher) -> Fetched:
    """One of our own, which has to be the very file that was exported."""
    content = fetcher.fetch(record.RECORD, record.MOST_RECORD_BYTES).read_bytes()
    known = record.read(content, str(fetcher.version))
    original = record.ORIGINALS[known["version"]["format"]]
    path = fetcher.fetch(original)
    wanted, tag = known["version"]["sha256"], fetcher.version.tags.get("hamlet.artifact_sha256")
    found = fetcher.sha256[original]
    if found != wanted or tag not in (None, wanted):
        raise UntakenError(
            f"{fetcher.version}: {original} is {found[:12]}; {record.RECORD} says {wanted[:12]}, "
            f"the version's tag {(tag or 'nothing')[:12]}. Its files were changed over there; "
            "export it again"
        )
    return Fetched(path, original, fetcher.sha256, known)


def describe(fetcher: Fetcher) -> Described:
    """Raises: UntakenError for a version that is no ONNX model; NotThereError; ServerError."""
    version = fetcher.version
    if version.status != READY:
        raise UntakenError(f"{version} is {version.status} over there; import it when it is READY")
    try:
        content = fetcher.fetch(MLMODEL, MAX_DOCUMENT_BYTES).read_bytes()
    except NotThereError:
        raise UntakenError(
            f"{version}: found no file {MLMODEL} at {version.source[:100] or 'its source'}; "
            f"expected an MLflow model. {CONVERT}"
        ) from None
    try:
        said = read_yaml(content, name=MLMODEL)
    except SpecError as error:
        raise UntakenError(
            f"{version}: its {MLMODEL} is none that MLflow writes: {error}"
        ) from None
    return judge(said, version)


def judge(said: Any, version: RemoteVersion) -> Described:
    """Args: said: what `MLmodel` holds."""
    said = said if isinstance(said, dict) else {}
    metadata = said.get("metadata")
    ours = metadata.get("hamlet") if isinstance(metadata, dict) else None
    if isinstance(ours, dict) and ours.get("format") == record.FORMAT:
        return Described(exported=True, graph=record.GRAPH)
    flavours = said.get("flavors")
    flavours = flavours if isinstance(flavours, dict) else {}
    onnx = flavours.get(ONNX)
    if not isinstance(onnx, dict):
        raise UntakenError(
            f"{version}: found {spell(flavours)}; expected the flavour onnx. {CONVERT}"
        )
    graph = onnx.get("data")
    if not isinstance(graph, str) or not PATH.fullmatch(graph):
        raise UntakenError(
            f"{version}: its {MLMODEL} names the ONNX file {str(graph)[:100]!r}; expected a plain "
            "path below it, such as model.onnx"
        )
    left = sorted(str(each) for each in flavours if each not in (ONNX, "python_function"))
    return Described(exported=False, graph=graph, left=tuple(left))


def spell(flavours: Mapping[Any, Any]) -> str:
    """`the flavours python_function (mlflow.sklearn), sklearn (cloudpickle)`."""
    words = []
    for name, said in list(flavours.items())[:10]:
        facts = said if isinstance(said, dict) else {}
        hints = (facts.get("loader_module"), facts.get("serialization_format"))
        hint = next((each for each in hints if isinstance(each, str)), "")
        words.append(f"{str(name)[:40]} ({hint[:40]})" if hint else str(name)[:40])
    many = "flavours" if len(words) > 1 else "flavour"
    return f"the {many} {', '.join(words)}" if words else "no flavour"
