"""The quality weight: what turns a bid a click into a score on one scale for all ads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import P_CLICK_1, QUALITY, Column
from shortlist.core.errors import ShortlistError
from shortlist.core.request import RequestBatch

__all__ = ["QualityScorer", "quality_weight"]


def quality_weight(p_click_1: Array, *, squashing: float, reference: float) -> Float64:
    """``w = q_ref^(1 - theta) q^theta``, with q the chance of a click at the reference slot.

    theta 1 is plain quality: the score is the expected payment of an impression at slot 1. theta 0 ranks by bid alone.
    Between them lies squashing (Lahaie & Pennock, EC 2007, section 3). The factor of q_ref keeps every theta on the
    scale of micros an impression.

    Args:
        p_click_1: ``(N,)`` probabilities.
        squashing: theta in [0, 1].
        reference: q_ref, a typical probability in (0, 1].

    Example:
        >>> quality_weight(np.array([0.04, 0.01]), squashing=0.5, reference=0.01).round(4).tolist()
        [0.02, 0.01]
    """
    q = np.asarray(p_click_1, dtype=np.float64)
    return np.asarray(reference ** (1.0 - squashing) * q**squashing, dtype=np.float64)


class QualityScorer:
    """Adds ``QUALITY``, from the calibrated ``P_CLICK_1`` and nothing else.

    Args:
        squashing: theta in [0, 1].
        reference: q_ref in (0, 1], the typical ``P_CLICK_1`` of the model in use.
    """

    name = "quality"

    def __init__(self, *, squashing: float, reference: float) -> None:
        if not 0.0 <= squashing <= 1.0:
            raise ShortlistError(f"squashing is {squashing}", where="QualityScorer", fix="give 0 to 1")
        if not 0.0 < reference <= 1.0:
            raise ShortlistError(
                f"the reference quality is {reference}", where="QualityScorer", fix="give a probability above 0"
            )
        self.squashing = squashing
        self.reference = reference

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:  # noqa: ARG002
        """``QUALITY``, one weight a row."""
        return {QUALITY: quality_weight(candidates[P_CLICK_1], squashing=self.squashing, reference=self.reference)}
