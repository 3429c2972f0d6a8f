"""The library stands without the ONNX packages, and says what to install where they are needed."""

from tests.packaging.test_imports_of_the_library import EVERY_MODULE, WITHOUT, run

ONNX = ["onnx", "onnxruntime", "onnxscript"]

ASKED_FOR = """
import torch
from hamlet.export import export_onnx, ExportError
from hamlet.onnx_model import OnnxModel
from hamlet.onnx_files import OnnxFileError
from tests.exporting.models import model_of
for ask, error in (
    (lambda: export_onnx(model_of(), "net.onnx"), ExportError),
    (lambda: OnnxModel.load_from_bytes(b"1"), OnnxFileError),
):
    try:
        ask()
    except error as told:
        print(told)
"""


def test_every_module_imports_without_onnx():
    assert int(run(WITHOUT.format(shut=ONNX) + EVERY_MODULE)) > 40


def test_what_needs_the_packages_names_them():
    told = run(WITHOUT.format(shut=ONNX) + ASKED_FOR).splitlines()
    assert len(told) == 2
    assert all("pip install onnx onnxruntime" in line for line in told)
