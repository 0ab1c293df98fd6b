"""Scorer "feed_ranker": the released DCN-v2 and its calibrator on onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from shortlist.core.arrays import Array, Float32, Float64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import P_LIKE, P_LIKE_RAW, RANK_SCORE, Column
from shortlist.core.errors import ReleaseError
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.features.feed_features import FeatureRows, FeedFeatures
from shortlist.learning.calibration.calibrator import Calibrator
from shortlist.learning.calibration.downsampling import undo_downsampling
from shortlist.learning.calibration.load import load_calibrator
from shortlist.ranking.contributions import Contribution
from shortlist.ranking.feed_contributions import feed_contributions
from shortlist.ranking.feed_inputs import feed_inputs
from shortlist.ranking.runtime import Runtime

__all__ = ["FeedRanker", "RankerFacts"]


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
        model: gives logits of the inputs.
        calibrator: maps ``P_LIKE_RAW`` to ``P_LIKE``.
        facts: of the training.
    """

    name = "feed_ranker"

    def __init__(self, features: FeedFeatures, model: Runtime, calibrator: Calibrator, facts: RankerFacts) -> None:
        self.features, self.facts = features, facts
        self._model, self._calibrator = model, calibrator

    def extended(self, catalogue: Catalogue, item_vectors: Float32) -> FeedRanker:
        """The same model over a catalogue to which items were added; see ``FeedFeatures.extended``.

        Args:
            catalogue: the release's items first.
            item_vectors: float32 ``(V + added + 1, d)``.
        """
        features = self.features.extended(catalogue, item_vectors)
        return FeedRanker(features, self._model, self._calibrator, self.facts)

    def contributions(self, batch: RequestBatch, pair: Candidates) -> tuple[Contribution, ...]:
        """What lifts the log odds of ``P_LIKE_RAW`` of row 0 above those of row 1, two candidates of one request."""
        return feed_contributions(self.features, self.features.compute(batch, pair), self._logits)

    def _logits(self, rows: FeatureRows) -> Float64:
        return self._model.logits(feed_inputs(rows)).astype(np.float64)

    def raw(self, rows: FeatureRows) -> Float64:
        """``P_LIKE_RAW`` of computed features, float64 ``(N,)``."""
        return undo_downsampling(1.0 / (1.0 + np.exp(-self._logits(rows))), self.facts.negative_rate)

    def columns(self, raw: Float64) -> Mapping[Column[Any], Array]:
        """The three columns for given raw probabilities."""
        calibrated = self._calibrator.calibrate(raw)
        return {P_LIKE_RAW: raw, P_LIKE: calibrated, RANK_SCORE: calibrated + 1e-6 * raw}

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """``P_LIKE_RAW``, ``P_LIKE`` and ``RANK_SCORE``."""
        return self.columns(self.raw(self.features.compute(batch, candidates)))

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
        return cls(features, Runtime(folder / "model.onnx"), load_calibrator(folder / "calibration.json"), facts)
