"""From a model to the bytes of a TorchScript file."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch

from hamlet.export import example_inputs, positional

if TYPE_CHECKING:
    from hamlet.model import HamletModel

SIGNATURE_FILE = "signature.json"


def torchscript_bytes(model: HamletModel) -> bytes:
    signature = model.signature()
    buffer = io.BytesIO()
    # The tracer warns of our checks of shapes, which it leaves out; PyTorch of a future without it.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(positional(model), example_inputs(signature), check_trace=False)
        script = torch.jit.freeze(script)
        torch.jit.save(script, buffer, _extra_files={SIGNATURE_FILE: signature.to_json()})
    return buffer.getvalue()


def load_own_script(content: bytes) -> torch.jit.ScriptModule:
    """For bytes that `torchscript_bytes` made a moment ago. TorchScript holds code, so a stranger's
    is never loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(io.BytesIO(content))
