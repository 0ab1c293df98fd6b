"""``Comparison``: what rankers came to on the same rows, to be printed without importing what trained them."""

from __future__ import annotations

import msgspec

from shortlist.learning.learning_curve import LearningCurve

__all__ = ["CANDIDATES", "Comparison", "ModelFigures"]

CANDIDATES = 500
"""Of the request that a model's time is measured with."""


class ModelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a model came to.

    Attributes:
        model: its name.
        auc: over all test rows.
        log_loss: with the thinning of negatives undone, not calibrated.
        calibration_error: debiased, a signed root mean square.
        ndcg: NDCG@10, the mean over requests.
        ndcg_low: of its 95% interval by user.
        ndcg_high: likewise.
        rows_a_second: in training, validation included.
        ms: for ``CANDIDATES`` candidates of one request on one thread, the median; trees without their matrix.
        parameters: numbers that were learned.
        bytes: of the file.
        curve: training and validation loss, pass by pass (tree by tree).
    """

    model: str
    auc: float
    log_loss: float
    calibration_error: float
    ndcg: float
    ndcg_low: float
    ndcg_high: float
    rows_a_second: float
    ms: float
    parameters: int
    bytes: int
    curve: LearningCurve


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All models on the same rows.

    Attributes:
        dataset: its name.
        learned: rows that were learned from.
        judged: rows that were judged.
        requests: that these are of.
        models: best NDCG first.
    """

    dataset: str
    learned: int
    judged: int
    requests: int
    models: tuple[ModelFigures, ...]
