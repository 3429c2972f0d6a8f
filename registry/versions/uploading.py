"""Files that people bring: looked into in a process of its own, then kept and registered.

Nothing is kept of a file that is refused.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, MapOf, Number, Section, Text, describe, validate
from registry.accounts.models import User
from registry.artifacts.store import discard_unreferenced, store_file
from registry.bodies import MalformedBodyError, read_json
from registry.errors import BusyError
from registry.models import ModelVersion, RegisteredModel
from registry.queries import NUMBER
from registry.versions.numbering import PARTS
from registry.versions.services import check_may_change, register_version

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from registry.artifacts.models import Artifact
    from registry.versions.inspecting import Inspection

LONGEST_TEXT = 256 * 1024
MOST_PLAIN_BYTES = 256 * 1024**2  # of plain weights, which are read into memory to get a header
MEDIA_TYPES = {
    ModelVersion.Format.HAMLET: "application/vnd.safetensors",
    ModelVersion.Format.ONNX: "application/x-onnx",
}
FIELDS = Section(
    {
        "brain": Text("", longest=LONGEST_TEXT),
        "layout": Text("", longest=LONGEST_TEXT),
        "description": Text("", longest=10_000),
        "tags": Text("", longest=LONGEST_TEXT),
        "metrics": Text("", longest=LONGEST_TEXT),
        "parameters": Text("", longest=LONGEST_TEXT),
        "dataset": Text("", longest=500),
        "parent": Text("", longest=50),
        "part": Choice("", *PARTS, default=""),
    }
)
# Each look takes a process and the memory of a loaded model.
LOOKS_AT_ONCE = 2
_looks = threading.BoundedSemaphore(LOOKS_AT_ONCE)


def register_upload(
    find_model: Callable[[], RegisteredModel],
    files: Mapping[str, UploadedFile],
    fields: Mapping[str, str],
    user: User,
) -> ModelVersion:
    """Register what a form or a multipart request brought.

    Args:
        find_model: finds or makes the model, once the file has been found good.
    Raises: SpecError naming every fault; FileRejectedError; BusyError; NotChangeableError.
    """
    check_one_file(files, "file")
    ignored = {"csrfmiddlewaretoken"}
    read = validate(FIELDS, {k: fields[k] for k in fields if k not in ignored})
    with on_disk(files["file"]) as path:
        return register_file(find_model, path, user, name=files["file"].name or "", **read)


def check_one_file(files: Mapping[str, UploadedFile], name: str) -> None:
    """Raises: SpecError unless one file was sent, under this name."""
    if set(files) != {name}:
        found = ", ".join(sorted(files)) or "no file"
        raise SpecError([Problem(name, f"found {found[:200]}; expected one file named {name}")])


@contextmanager
def on_disk(file: UploadedFile) -> Iterator[Path]:
    """A copy in a folder of its own, gone with the block."""
    with tempfile.TemporaryDirectory(prefix="hamlet-upload-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as kept:
            for chunk in file.chunks():
                kept.write(chunk)
        yield path


def register_file(
    find_model: Callable[[], RegisteredModel],
    path: Path,
    user: User | None,
    *,
    name: str = "",
    brain: str = "",
    layout: str = "",
    judge: Callable[[Inspection], None] = lambda found: None,
    noted: Mapping[str, Any] | None = None,
    **details: str,
) -> ModelVersion:
    """Register a file on this machine; it is copied.

    Args:
        find_model: is called within the transaction that registers.
        name: that the file had where it came from; it is only noted.
        brain, layout: YAML and JSON, where the file holds plain weights.
        judge: raises where a sound file is not what was meant; nothing is stored by then.
        noted: further words about where it came from, kept with the version.
        details: further fields of the form, as text.
    Raises: as `register_upload`, and as `judge` does.
    """
    from hamlet.signature import Signature

    known = read_details(details)
    if brain or layout:
        path = with_brain(path, brain, layout)
    with a_place():
        found = inspect(path)
    judge(found)
    artifact = store_file(path, MEDIA_TYPES[ModelVersion.Format(found.format)])
    lineage = {"source": "upload", "file_name": name[:200], "file": found.metadata, **(noted or {})}
    if dataset := known.pop("dataset"):
        lineage["dataset"] = dataset
    with discarded_if_refused(artifact), transaction.atomic():
        if artifact.pk != found.sha256:
            raise SpecError([Problem("file", "changed while it was looked into; send it again")])
        model = find_model()
        check_may_change(user, model, "register versions of it")
        if parent := details.get("parent"):
            known["parent"] = by_number(model, parent)
        return register_version(
            model=model,
            artifact=artifact,
            user=user,
            lineage={**lineage, "system": model.system},
            signature=Signature.from_data(found.signature),
            file_format=found.format,
            **known,
        )


@contextmanager
def discarded_if_refused(artifact: Artifact) -> Iterator[None]:
    try:
        yield
    except Exception:
        with transaction.atomic():
            discard_unreferenced([artifact.pk])
        raise


def inspect(path: Path) -> Inspection:
    from registry.versions.inspecting import inspect_file

    return inspect_file(path)


def with_brain(path: Path, brain: str, layout: str) -> Path:
    """Plain weights and their spec as an inference checkpoint, beside the file."""
    from hamlet.bare_weights import checkpoint_from_weights

    if not (brain and layout):
        missing = "layout" if brain else "brain"
        message = "missing; plain weights need the brain's YAML and the layout's JSON"
        raise SpecError([Problem(missing, message)])
    if (size := path.stat().st_size) > MOST_PLAIN_BYTES:
        message = f"found {size} bytes of plain weights; at most {MOST_PLAIN_BYTES} are taken"
        raise SpecError([Problem("file", message)])
    content = checkpoint_from_weights(
        path.read_bytes(), brain, read_mapping(layout, "layout"), {"source": "upload"}
    )
    made = path.with_name("checkpoint")
    made.write_bytes(content)
    return made


def read_details(details: Mapping[str, str]) -> dict[str, Any]:
    """Raises: SpecError naming every fault of one field, or the first faulty of several."""
    return {
        "description": details.get("description", ""),
        "dataset": details.get("dataset", ""),
        "part": details.get("part") or None,
        "tags": read_mapping(details.get("tags", ""), "tags"),
        "parameters": read_mapping(details.get("parameters", ""), "parameters"),
        "metrics": validate(
            MapOf(Text(longest=60), Number(-1e300, 1e300), longest=200),
            read_mapping(details.get("metrics", ""), "metrics"),
            "metrics",
        ),
    }


def by_number(model: RegisteredModel, number: str) -> ModelVersion:
    match = NUMBER.fullmatch(number)
    major, minor, patch = map(int, match.groups()) if match else (-1, -1, -1)
    found = model.versions.filter(major=major, minor=minor, patch=patch).first()
    if found is None:
        message = f"found {describe(number)}; expected the number of a version of {model.name}"
        raise SpecError([Problem("parent", message)])
    return found


def read_mapping(text: str, path: str) -> dict[str, Any]:
    """Raises: SpecError."""
    if not text:
        return {}
    try:
        data = read_json(text.encode("utf-8", "surrogatepass"))
    except MalformedBodyError as error:
        raise SpecError([Problem(path, f"expected JSON. {error}")]) from None
    if not isinstance(data, dict):
        raise SpecError([Problem(path, f"found {describe(data)}; expected a JSON object")])
    return data


@contextmanager
def a_place() -> Iterator[None]:
    """Raises: BusyError if this process looks into as many files as it can."""
    if not _looks.acquire(blocking=False):
        raise BusyError(
            f"The server looks into {LOOKS_AT_ONCE} files already. Try again in a few seconds."
        )
    try:
        yield
    finally:
        _looks.release()
