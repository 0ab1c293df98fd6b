"""Scorer "feed_ranker": the released DCN-v2 and its calibrator on onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import P_LIKE, P_LIKE_RAW, RANK_SCORE, Column
from shortlist.core.errors import ReleaseError
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.learning.calibration import Calibrator, load_calibrator, undo_downsampling

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports to its maker unless told not to, at import
import onnxruntime as ort

__all__ = ["FeedRanker", "RankerFacts", "open_model"]

_AT_ONCE = 65_536


class RankerFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ranker.json``: what the model's file does not say.

    Attributes:
        features_hash: of the spec it was trained with.
        sources: whose ranks and scores it reads, in order.
        limit: candidates a source brought at most in training.
        negative_rate: share of the negatives that it was trained on; undone by ``undo_downsampling``.
    """

    features_hash: str
    sources: tuple[str, ...]
    limit: int
    negative_rate: float


class FeedRanker:
    """Puts the chance that the user likes it on every candidate.

    ``P_LIKE_RAW`` is the model's probability with the thinning of negatives undone; ``P_LIKE`` is calibrated;
    ``RANK_SCORE`` is ``P_LIKE`` plus a millionth of ``P_LIKE_RAW``, so that the calibrator's flat steps keep the
    model's order. What each is a probability of stands in the release's manifest.

    Args:
        features: computes the inputs.
        model: the ONNX model in one thread, for requests are what runs side by side.
        calibrator: maps ``P_LIKE_RAW`` to ``P_LIKE``.
        facts: of the training.
    """

    name = "feed_ranker"

    def __init__(
        self, features: FeedFeatures, model: ort.InferenceSession, calibrator: Calibrator, facts: RankerFacts
    ) -> None:
        self.features, self.facts = features, facts
        self._model, self._calibrator = model, calibrator

    def raw(self, rows: FeatureRows) -> Float64:
        """``P_LIKE_RAW`` of computed features, float64 ``(N,)``."""
        parts = [self._logits(rows, slice(start, start + _AT_ONCE)) for start in range(0, len(rows.row), _AT_ONCE)]
        logit = np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
        return undo_downsampling(1.0 / (1.0 + np.exp(-logit)), self.facts.negative_rate)

    def columns(self, raw: Float64) -> Mapping[Column[Any], Array]:
        """The three columns for given raw probabilities."""
        calibrated = self._calibrator.calibrate(raw)
        return {P_LIKE_RAW: raw, P_LIKE: calibrated, RANK_SCORE: calibrated + 1e-6 * raw}

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """``P_LIKE_RAW``, ``P_LIKE`` and ``RANK_SCORE``."""
        return self.columns(self.raw(self.features.compute(batch, candidates)))

    def _logits(self, rows: FeatureRows, part: slice) -> Float32:
        inputs = {
            "request": rows.request,
            "index": rows.index[part],
            "candidate": rows.candidate[part],
            "row": rows.row[part],
            "categories": rows.categories[part],
        }
        return cast("Float32", self._model.run(["logit"], inputs)[0])

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> FeedRanker:
        """Read ``<release>/ranking/feed``.

        Raises:
            ReleaseError: a file is missing or torn, or was trained with other features than this version computes.
        """
        path = folder / "ranker.json"
        try:
            facts = msgspec.json.decode(path.read_bytes(), type=RankerFacts)
        except (OSError, msgspec.MsgspecError) as error:
            raise ReleaseError(
                f"the ranker cannot be read: {error}", where=str(path), fix="train a new release"
            ) from None
        features = FeedFeatures.load(folder, catalogue, sources=facts.sources, limit=facts.limit)
        if features.spec.hash != facts.features_hash:
            raise ReleaseError(
                "the ranker was trained with other features than this version computes",
                where=str(path),
                fix="train a new release, or install the version that wrote it",
            )
        return cls(features, open_model(folder / "model.onnx"), load_calibrator(folder / "calibration.json"), facts)


def open_model(path: Path) -> ort.InferenceSession:
    """An ONNX model on one thread.

    Raises:
        ReleaseError: the file is not a model.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class of their own
        raise ReleaseError(f"the model cannot be read: {error}", where=str(path), fix="train a new release") from None
