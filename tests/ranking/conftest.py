"""A model in its file, exported once for all who only read it."""

from __future__ import annotations

import pytest
from tests.ranking.drawn import SIZES, small_dcn

from shortlist.ranking.export_model import export_onnx


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """``small_dcn`` over ``SIZES``; whoever writes beside it takes a folder of their own."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_onnx(small_dcn(SIZES, width=8, spread=0.1), SIZES, path)
    return path
