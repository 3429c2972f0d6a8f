"""What a process with limits does with a stranger's file: say what it is, load it, try it.

This module runs in a process of its own, which `registry.versions.inspecting` starts; it knows
nothing of Django and nothing of the network. The order matters: limits first, then the imports
that a file of this kind needs, then the lock, and only then anything looks into the file.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pickletools
import resource
import signal
import sys
from typing import Any, NoReturn

HAMLET, ONNX = "hamlet", "onnx"
FORMATS = (HAMLET, ONNX)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_WORDS_BYTES = 64 * 1024  # of free metadata in the answer
SNIFFED_BYTES = 2**20
PR_SET_PDEATHSIG = 1  # linux/prctl.h
CANNOT_ALLOCATE = ("can't allocate memory", "bad_alloc", "bad allocation", "Cannot allocate memory")
SAVE = (
    "Save the model with hamlet.checkpoint.save_inference or hamlet.export.export_onnx and send "
    "that file"
)

# How other files begin: (place, bytes, what it is).
OTHERS = (
    (0, b"PK\x03\x04", "a zip archive (torch.save and torch.jit.save make such files, with pickle "
     "or code inside)"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"\x80", "a PyTorch pickle or another pickle, which runs code when it is read"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file (Keras makes such files)"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"version https://git-lfs", "a pointer of Git LFS and not the file it stands for"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (4, b"ORTM", "a model in ONNX Runtime's own format"),
    (257, b"ustar", "a tar archive (very old versions of torch.save made such files)"),
)  # fmt: skip

# What Python code may do once the lock is on. Anything else that is audited is refused.
ALLOWED_EVENTS = frozenset(
    {
        *("import", "exec", "compile", "marshal.loads", "code.__new__", "os.listdir", "os.scandir"),
        *("object.__getattr__", "object.__setattr__", "object.__delattr__", "sys._getframe"),
        *("builtins.id", "sys.excepthook", "sys.unraisablehook", "gc.get_objects"),
        *("gc.get_referrers", "gc.get_referents", "sys._getframemodulename", "time.sleep"),
    }
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


class RefusedError(Exception):
    """The file is not taken; the words are for the person who sent it."""


class ForbiddenError(RuntimeError):
    """Something tried what is not done here."""


def serve(order: str) -> NoReturn:
    """Entry point of the process. Standard input is the file, standard output takes the answer.

    Args: order: JSON with `program` ("module:function"), `arguments`, `limits`, `parent`.
    """
    wanted = json.loads(order)
    limit_process(wanted["limits"], wanted["parent"])
    # Whatever prints, in C++ too, prints to standard error: the answer has a way of its own.
    answer_to = os.dup(1)
    os.dup2(2, 1)
    module, _, function = wanted["program"].partition(":")
    run = getattr(importlib.import_module(module), function)
    try:
        answer = {"found": run(**wanted["arguments"])}
    except RefusedError as error:
        answer = {"refused": str(error)}
    except ForbiddenError as error:
        answer = {"refused": f"it made the process that looked into it try to {error}"}
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(w in str(error) for w in CANNOT_ALLOCATE):
            raise
        answer = {"refused": "it takes more memory than a file of its size may"}
    text = json.dumps(answer, allow_nan=False).encode()
    while text:
        text = text[os.write(answer_to, text) :]
    os._exit(0)  # nothing to clean up, and no code of the file's making runs at the end


def limit_process(limits: dict[str, int], parent: int) -> None:
    """Give up memory, time, files and the parent's death as a way to live on."""
    for name, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (most, most))
    # A write beyond RLIMIT_FSIZE then fails with an error instead of ending the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def lock() -> None:
    """From here on, for the rest of this process: Python code opens no socket, starts no process,
    writes and changes no file, reads none but Python's own, and unpickles nothing."""
    # Of the project's own folder, where secrets may lie, the library alone.
    roots = [os.path.join(path, "hamlet") if path == ROOT else path for path in sys.path if path]
    readable = tuple(os.path.join(os.path.realpath(path), "") for path in roots)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _check_open(arguments, readable)
        elif event not in ALLOWED_EVENTS:
            raise ForbiddenError(f"do what it may not ({event})")

    sys.addaudithook(refuse)


def _check_open(arguments: tuple[Any, ...], readable: tuple[str, ...]) -> None:
    path, mode, flags = arguments
    if (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & WRITING:
        raise ForbiddenError("write a file")
    own = isinstance(path, str | bytes) and os.path.realpath(os.fsdecode(path)).startswith(readable)
    if not own:
        raise ForbiddenError("open a file")


def look(name: str, expect: str | None) -> dict[str, Any]:
    """Look into the file on standard input.

    Args: name: what messages call it. expect: one of FORMATS, or None for any of them.
    Returns: plain data: format, signature, report, metadata, brain_spec.
    Raises: RefusedError with what was found and what to do.
    """
    with open(0, "rb", closefd=False) as file:
        content = file.read()
    found = find_format(content, name, expect)
    if expect is not None and found != expect:
        raise RefusedError(f"{name}: found {spelt(found)}; expected {spelt(expect)}")
    load = _load_checkpoint if found == HAMLET else _load_onnx
    return {"format": found, **load(content, name)}


def spelt(found: str) -> str:
    return "an ONNX file" if found == ONNX else "a hamlet inference checkpoint"


def find_format(content: bytes, name: str, expect: str | None = None) -> str:
    """What the bytes are, whatever the name says. Raises: RefusedError for anything else."""
    expected = "expected a hamlet inference checkpoint (safetensors) or an ONNX file"
    if not content:
        raise RefusedError(f"{name}: the file is empty; {expected}")
    if content[8:9] == b"{" and not content.startswith(b"\x80"):
        return HAMLET
    for place, start, kind in OTHERS:
        if content.startswith(start, place):
            raise RefusedError(f"{name}: this is {kind}; {expected}. It was not opened. {SAVE}")
    if _is_old_pickle(content):
        kind = "a pickle, which runs code when it is read"
        raise RefusedError(f"{name}: this is {kind}; {expected}. It was not opened. {SAVE}")
    if _is_text(content):
        raise RefusedError(f"{name}: this is text; {expected}. {SAVE}")
    # The first field of an ONNX file is its IR version, or, from other writers, another small one.
    if content[0] == 0x08 or expect == ONNX:
        return ONNX
    raise RefusedError(f"{name}: a file that begins with {content[:8]!r}; {expected}. {SAVE}")


def _is_old_pickle(content: bytes) -> bool:
    """A pickle of protocol 0 or 1 has no first bytes of its own. Nothing is run here."""
    try:
        for operation, _, _ in pickletools.genops(content[:SNIFFED_BYTES]):
            if operation.name == "STOP":
                return True
    except Exception:  # noqa: S110 - pickletools raises what it likes on other files
        pass
    return False


def _is_text(content: bytes) -> bool:
    start = content[:4096]
    try:
        text = start[: start.rfind(b"\n") + 1 or len(start)].decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t\f" for letter in text)


def _load_checkpoint(content: bytes, name: str) -> dict[str, Any]:
    from hamlet.checking import check_model
    from hamlet.checkpoint import INFERENCE, read_checkpoint
    from hamlet.errors import HamletError
    from hamlet.model import HamletModel

    _settle_torch()
    lock()
    try:
        kind = read_checkpoint(content).format_version
        if kind != INFERENCE:
            raise RefusedError(
                f"{name}: this is a {kind} file, from which a run goes on; expected an inference "
                "checkpoint. Save one with hamlet.checkpoint.save_inference and send that"
            )
        model = HamletModel.load_from_checkpoint(content)
        return _described(model, check_model(model), model.network.spec.data)
    except HamletError as error:
        raise _refusal(error, name) from None


def _load_onnx(content: bytes, name: str) -> dict[str, Any]:
    from google.protobuf import message  # noqa: F401 - must be there before the lock
    from onnx import shape_inference  # noqa: F401

    from hamlet.checking import check_model
    from hamlet.errors import HamletError
    from hamlet.onnx_model import OnnxModel, start_engine

    _settle_torch()
    start_engine()
    lock()
    try:
        model = OnnxModel.load_from_bytes(content, name=name)
        return _described(model, check_model(model), model.brain_spec)
    except HamletError as error:
        raise _refusal(error, name) from None


def _settle_torch() -> None:
    import torch

    torch.set_num_threads(1)


def _refusal(error: Exception, name: str) -> RefusedError:
    text = str(error)
    for called in (name, "checkpoint"):
        text = text.removeprefix(f"{called}: ")
    if "no digest" in text:
        text += (
            ". If these are plain weights, send the brain spec and the observation layout with them"
        )
    return RefusedError(f"{name}: {text}")


def _described(model: Any, report: Any, brain_spec: Any) -> dict[str, Any]:
    metadata = model.metadata
    if len(json.dumps(metadata)) > MOST_WORDS_BYTES:
        metadata = {}  # it stays in the file; a list of versions need not carry it
    return {
        "signature": model.signature().to_data(),
        "report": report.to_data(),
        "metadata": metadata,
        "brain_spec": brain_spec,
    }
