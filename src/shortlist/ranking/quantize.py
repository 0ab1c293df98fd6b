"""An int8 copy of an exported ranker, and what the rounding does to its probabilities; needs the package onnx."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Bool, Float64
from shortlist.evaluation.calibration import debiased_calibration_error
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.ranking.request_branches import branched, unbranched
from shortlist.ranking.runtime import Runtime

__all__ = ["Rounding", "quantize", "rounding_of"]


class Rounding(msgspec.Struct, frozen=True, kw_only=True):
    """A ranker in float32 beside its int8 copy, on the same rows.

    Attributes:
        auc: of both, float32 first.
        log_loss: likewise.
        calibration_error: debiased, likewise.
        largest: the largest change of a probability.
        mean_ratio: mean int8 probability over mean float32 probability: 1 where the rounding moves none as a whole.
        bytes: sizes of both files.
    """

    auc: tuple[float, float]
    log_loss: tuple[float, float]
    calibration_error: tuple[float, float]
    largest: float
    mean_ratio: float
    bytes: tuple[int, int]


def quantize(path: Path, into: Path) -> None:
    """Write a copy whose matrix products are of int8 (weights by their range, inputs by each batch's).

    Embedding tables stay float32: they are gathered, not multiplied; their rounding would cost accuracy for no time.
    (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
    CVPR 2018; onnxruntime's dynamic quantization.) The graph of one request rounds other products than that of many:
    their logits differ a little, as those of float32 do not. Where a product takes part of a weight, each graph has its
    own copy of that part.

    Args:
        path: of the float32 model.
        into: of the copy.
    """
    import onnx
    import onnxruntime as ort
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(path)
    request = next((given.name for given in model.graph.input if given.name.startswith("request_")), None)
    logging.disable(logging.WARNING)  # it advises a preprocessing that the exporter has done already
    try:
        with tempfile.TemporaryDirectory() as scratch:
            flat, folded, rounded = (Path(scratch) / name for name in ("flat.onnx", "folded.onnx", "rounded.onnx"))
            flat.write_bytes((model if request is None else unbranched(model)).SerializeToString())
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC  # folds parts of weights
            options.optimized_model_filepath = str(folded)
            ort.InferenceSession(flat, options, providers=["CPUExecutionProvider"])
            quantize_dynamic(
                folded, rounded, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"]
            )
            copy = onnx.load(rounded)
    finally:
        logging.disable(logging.NOTSET)
    into.write_bytes((copy if request is None else branched(copy, request)).SerializeToString())


def rounding_of(path: Path, copy: Path, inputs: Mapping[str, Array], label: Bool) -> Rounding:
    """Compare both on rows with labels: look at it before the copy is served.

    Args:
        path: of the float32 model.
        copy: of the int8 one.
        inputs: by name.
        label: bool ``(N,)``.
    """
    exact, rounded = (_probabilities(one, inputs) for one in (path, copy))
    return Rounding(
        auc=(auc(exact, label), auc(rounded, label)),
        log_loss=(log_loss(exact, label), log_loss(rounded, label)),
        calibration_error=(
            debiased_calibration_error(exact, label),
            debiased_calibration_error(rounded, label),
        ),
        largest=float(np.abs(exact - rounded).max(initial=0.0)),
        mean_ratio=float(rounded.mean() / exact.mean()),
        bytes=(path.stat().st_size, copy.stat().st_size),
    )


def _probabilities(path: Path, inputs: Mapping[str, Array]) -> Float64:
    return np.asarray(1.0 / (1.0 + np.exp(-Runtime(path).logits(inputs).astype(np.float64))))
