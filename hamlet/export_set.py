"""All ONNX files of a model: one for most, several where a model is searched in parts.

MuZero plans on latent boards, so another engine needs its parts one by one beside the usual
file, which answers a board: `net.onnx` (input -> policy, value), `net.representation.onnx`
(input -> latent), `net.dynamics.onnx` (latent, action -> next_latent, reward) and
`net.prediction.onnx` (latent -> policy, value).
"""

from __future__ import annotations

from pathlib import Path

from hamlet.brains.muzero import MuZeroBrain
from hamlet.export import ExportReport, export_onnx
from hamlet.model import HamletModel

NO_ADAPTER = ""  # latent boards have no form that people write


def export_onnx_set(model: HamletModel, path: str | Path) -> dict[str, ExportReport]:
    """Write the model at `path` and its parts, if it has any, beside it.

    Returns: reports by part; `model` is the whole.
    Raises: ExportError as `export_onnx` does; OSError if the disk refuses. A fault of a part leaves
        none of the files.
    """
    path = Path(path)
    reports: dict[str, ExportReport] = {}
    try:
        reports["model"] = export_onnx(model, path)
        for name, part in _parts(model).items():
            reports[name] = export_onnx(part, path.with_suffix(f".{name}{path.suffix}"))
    except BaseException:
        for report in reports.values():
            report.path.unlink(missing_ok=True)
        raise
    return reports


def _parts(model: HamletModel) -> dict[str, HamletModel]:
    if not isinstance(model.network, MuZeroBrain):
        return {}
    return {
        name: HamletModel(part, model.metadata, adapter=NO_ADAPTER)
        for name, part in model.network.parts().items()
    }
