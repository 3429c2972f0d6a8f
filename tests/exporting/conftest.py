"""Small networks gain nothing from a second thread, and tests run side by side."""

import pytest
import torch

from hamlet.export import export_onnx
from tests.exporting.models import FAMILIES, model_of

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def onnx_files(tmp_path_factory):
    """{family: (model, report)}: an export takes a second, so the tests share them."""
    folder = tmp_path_factory.mktemp("onnx")
    made = {}
    for family in FAMILIES:
        model = model_of(family)
        made[family] = model, export_onnx(model, folder / f"{family}.onnx")
    return made
