"""``AdClickScorer``: the chance of a click on an ad at the reference slot, calibrated. It alone may price an ad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.special import expit

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, MATCH_TYPE, P_CLICK_1, P_CLICK_1_RAW, ROW, Column
from shortlist.core.errors import ReleaseError
from shortlist.core.request import RequestBatch
from shortlist.features.catalogue import Catalogue
from shortlist.learning.calibration.by_field import FieldCalibrator, FieldShifts
from shortlist.learning.position_click import PositionClickModel
from shortlist.ranking.ad_click_features import FEATURES, AdText, PastRates, ad_features
from shortlist.ranking.contributions import Contribution

__all__ = ["AdClickScorer", "SigmoidCalibration", "ad_fields"]

_MODEL_FILE = "ad_click.json"
_RATES_FILE = "past_rates.safetensors"


@dataclass(frozen=True, slots=True)
class SigmoidCalibration:
    """Platt scaling of a logit: ``sigma(slope z + offset)`` (Platt, Advances in Large Margin Classifiers, 1999)."""

    slope: float
    offset: float

    def __call__(self, logit: Float64) -> Float64:
        """Calibrated probabilities, float64 ``(N,)``."""
        return np.asarray(expit(self.slope * logit + self.offset), dtype=np.float64)


_NO_SHIFTS = FieldCalibrator(cells=(), shifts=(), spread=0.0)


def ad_fields(campaign: Array, match_type: Array) -> Int64:
    """The cell of each ad for ``FieldCalibrator``: whose it is and how it met the query, int64 ``(N, 2)``.

    Ads are sold on one surface, the search page. What differs there from ad to ad, as surfaces would, is whether the
    query was the keyword itself or only held its words.
    """
    return np.stack([np.asarray(campaign), np.asarray(match_type)], axis=1).astype(np.int64)


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``ad_click.json``."""

    features: tuple[str, ...]
    intercept: float
    weights: tuple[float, ...]
    slot_effects: tuple[float, ...]
    slope: float
    offset: float
    reference_quality: float
    simulated: bool
    fields: FieldCalibrator = _NO_SHIFTS


class AdClickScorer:
    """Adds ``P_CLICK_1_RAW`` and ``P_CLICK_1`` = P(click | shown at slot 1): the click model with its slot at 1.

    Reads ``ROW``, ``CAMPAIGN`` and ``MATCH_TYPE``, and the request's query.

    Args:
        text: the catalogue's words.
        item_rates: past click rates by item.
        campaign_rates: past click rates by campaign.
        model: attraction and slot effects.
        calibration: of the attraction's logit.
        fields: shifts by ``ad_fields``, on top of it.
        reference_quality: q_ref of the quality weight, the mean ``P_CLICK_1`` of the ads that were shown.
        simulated: whether the clicks it was fitted to came from a simulated market.
    """

    name = "ad_click"

    def __init__(
        self,
        text: AdText,
        item_rates: PastRates,
        campaign_rates: PastRates,
        model: PositionClickModel,
        calibration: SigmoidCalibration,
        *,
        fields: FieldCalibrator = _NO_SHIFTS,
        reference_quality: float,
        simulated: bool,
    ) -> None:
        self._text = text
        self.item_rates = item_rates
        self.campaign_rates = campaign_rates
        self.model = model
        self.calibration = calibration
        self.fields = fields
        self._shifts = FieldShifts(fields)
        self.reference_quality = reference_quality
        self.simulated = simulated

    @property
    def slot_effects(self) -> Float64:
        """Alpha of each slot, float64 ``(K,)``, 1 at the reference slot."""
        return self.model.slot_effects

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """Both columns, one probability a row."""
        logit = self.model.logit(self._features(batch, candidates))
        cells = ad_fields(candidates[CAMPAIGN], candidates[MATCH_TYPE])
        return {P_CLICK_1_RAW: np.asarray(expit(logit)), P_CLICK_1: self.calibrated(logit, cells)}

    def contributions(self, batch: RequestBatch, pair: Candidates) -> tuple[Contribution, ...]:
        """What lifts the log odds of ``P_CLICK_1_RAW`` of row 0 above those of row 1: ``w_k (x_k - b_k)``, exact."""
        own, other = self._features(batch, pair)
        parts = zip(FEATURES, self.model.weights * (own - other), own, other, strict=True)
        found = [
            Contribution(name, "", f"{value:.2f}", f"{beside:.2f}", float(phi), 0.0)
            for name, phi, value, beside in parts
        ]
        return tuple(sorted(found, key=lambda one: -abs(one.log_odds)))

    def _features(self, batch: RequestBatch, candidates: Candidates) -> Float64:
        return ad_features(
            self._text,
            self.item_rates,
            self.campaign_rates,
            queries=[request.query for request in batch.requests],
            query=candidates.request_index,
            row=candidates[ROW],
            item=candidates.item,
            campaign=candidates[CAMPAIGN],
            match_type=candidates[MATCH_TYPE],
        )

    def calibrated(self, logit: Float64, cells: Int64) -> Float64:
        """``P_CLICK_1`` of the model's logits ``(N,)`` and of what ``ad_fields`` gives."""
        return self._shifts.calibrate(self.calibration(logit), cells)

    def save(self, folder: Path) -> None:
        """Write ``ad_click.json`` and ``past_rates.safetensors``."""
        folder.mkdir(parents=True, exist_ok=True)
        stored = _Stored(
            features=FEATURES,
            intercept=self.model.intercept,
            weights=tuple(self.model.weights.tolist()),
            slot_effects=tuple(self.model.slot_effects.tolist()),
            slope=self.calibration.slope,
            offset=self.calibration.offset,
            reference_quality=self.reference_quality,
            simulated=self.simulated,
            fields=self.fields,
        )
        (folder / _MODEL_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(stored)))
        rates = {
            "item": self.item_rates.key,
            "item_log_rate": self.item_rates.log_rate,
            "campaign": self.campaign_rates.key,
            "campaign_log_rate": self.campaign_rates.log_rate,
        }
        save_file(rates, folder / _RATES_FILE)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> AdClickScorer:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: a file is missing or torn, or was made for other features.
        """
        try:
            stored = msgspec.json.decode((folder / _MODEL_FILE).read_bytes(), type=_Stored)
            rates = load_file(folder / _RATES_FILE)
            item_rates = PastRates(rates["item"], rates["item_log_rate"])
            campaign_rates = PastRates(rates["campaign"], rates["campaign_log_rate"])
        except (OSError, KeyError, SafetensorError, msgspec.DecodeError) as error:
            raise ReleaseError(
                f"the ad click model cannot be read: {error}", where=str(folder), fix="train a new release"
            ) from None
        if stored.features != FEATURES or len(stored.weights) != len(FEATURES):
            raise ReleaseError(
                f"the ad click model was fitted to the features {stored.features}",
                where=str(folder / _MODEL_FILE),
                fix=f"train a release with this version, whose features are {FEATURES}",
            )
        if len(stored.fields.cells) != len(stored.fields.shifts):
            raise ReleaseError(
                "cells and shifts of the field calibration differ in number",
                where=str(folder / _MODEL_FILE),
                fix="train a new release",
            )
        return cls(
            AdText(catalogue),
            item_rates,
            campaign_rates,
            PositionClickModel(stored.intercept, np.array(stored.weights), np.array(stored.slot_effects)),
            SigmoidCalibration(stored.slope, stored.offset),
            fields=stored.fields,
            reference_quality=stored.reference_quality,
            simulated=stored.simulated,
        )
