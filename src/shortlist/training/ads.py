"""The ad click model from a log: split by time, fitted, calibrated, and reported on what came after.

    history      first 25 %   past click rates of items and campaigns, with slot effects from a fit to text alone
    train        next 35 %    attraction and slot effects together
    calibration  next 20 %    the sigmoid on top, slot effects held; then a shift a campaign and match type
    test         last 20 %    the report

No row is ever scored with counts of its own time or later. Cuts fall between instants, so a page is never split.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
import polars as pl
from scipy.special import expit

from shortlist.core.arrays import Float64, Int64
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.bootstrap import Interval, paired_interval, ratio_interval
from shortlist.evaluation.drift import DriftReport, watch_drift
from shortlist.evaluation.metrics.auc import auc
from shortlist.evaluation.metrics.log_loss import log_loss, log_losses
from shortlist.evaluation.reliability import ReliabilityBin, reliability_table
from shortlist.features.catalogue import Catalogue
from shortlist.learning.calibration.by_field import FieldCalibrator
from shortlist.learning.position_click import PositionClickModel, fit_position_click
from shortlist.ranking.ad_click import AdClickScorer, SigmoidCalibration, ad_fields
from shortlist.ranking.ad_click_features import AdText, PastRates, ad_features
from shortlist.training.ad_log import checked_ad_log

__all__ = ["AdReport", "AdTraining", "past_rates", "train_ad_model"]

_CUTS = (0.25, 0.6, 0.8)
_SHRINKAGE = 4.0
"""Clicks at the mean rate that a past rate is shrunk by: right where log rates vary with standard deviation 1/2."""

_CHI_SQUARE_1_IN_1000 = 10.83
"""What twice a log-likelihood ratio of one degree of freedom exceeds by chance once in a thousand times."""


class AdReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the model did on the test window. ``predicted`` is always ``alpha_slot p_click_1``, at the slot shown.

    Attributes:
        simulated: whether the clicks came from a simulated market.
        n_train: impressions that attraction and slot effects were fitted to.
        n_test: impressions of the test window.
        slot_effects: fitted alphas.
        predicted_over_observed: over the whole test window, pages resampled.
        deciles: predicted and observed by decile of the prediction.
        slots: predicted and observed a slot, slot 1 first.
        log_loss: of the model.
        log_loss_constant: of the mean click rate before the test window.
        log_loss_item_rate: of each item's own click rate before the test window, shrunk, blind to slot and query.
        gain_over_constant: constant's log-loss less the model's, pages resampled.
        gain_over_item_rate: item rate's log-loss less the model's, pages resampled.
        auc: of the prediction.
        field_spread: standard deviation of the shifts of the log odds between campaigns and match types.
        gain_of_fields: log-loss without these shifts less that with them, pages resampled; None in older releases.
        drift: predicted and observed by day (UTC) of the test window, with an alarm; None in older releases.
    """

    simulated: bool
    n_train: int
    n_test: int
    slot_effects: tuple[float, ...]
    predicted_over_observed: Interval
    deciles: tuple[ReliabilityBin, ...]
    slots: tuple[ReliabilityBin, ...]
    log_loss: float
    log_loss_constant: float
    log_loss_item_rate: float
    gain_over_constant: Interval
    gain_over_item_rate: Interval
    auc: float
    field_spread: float = 0.0
    gain_of_fields: Interval | None = None
    drift: DriftReport | None = None

    def metrics(self) -> dict[str, float]:
        """The figures that go into a release's manifest."""
        return {
            "ads.predicted_over_observed": self.predicted_over_observed.estimate,
            "ads.log_loss": self.log_loss,
            "ads.log_loss_constant": self.log_loss_constant,
            "ads.log_loss_item_rate": self.log_loss_item_rate,
            "ads.auc": self.auc,
        }


@dataclass(frozen=True, slots=True, eq=False)
class AdTraining:
    """A fitted scorer and its report."""

    scorer: AdClickScorer
    report: AdReport


def train_ad_model(log: pl.DataFrame, catalogue: Catalogue, *, rng: Rng = 0) -> AdTraining:
    """Fit, calibrate and report.

    Args:
        log: a table in the schema ``AD_LOG``.
        catalogue: the items of the release.
        rng: a generator or a seed, for the report's intervals.

    Raises:
        DataError: a column is not as the schema says, a window has no click or lacks a slot, a fit did not converge,
            or the model's order turns upside down on the calibration window.
    """
    ordered = checked_ad_log(log).sort("at_us", "request", "slot")
    history, train, calibration, test = _windows(ordered)
    text = AdText(catalogue)
    n_slots = int(ordered["slot"].to_numpy().max())

    unknown = PastRates(np.empty(0, dtype=np.int64), np.empty(0))
    blind = _fit(history, _features(history, catalogue, text, unknown, unknown), n_slots)
    item_rates, campaign_rates = (past_rates(history, key, blind.slot_effects) for key in ("item", "campaign"))
    model = _fit(train, _features(train, catalogue, text, item_rates, campaign_rates), n_slots)

    logit = model.logit(_features(calibration, catalogue, text, item_rates, campaign_rates))
    sigmoid = _calibrate(calibration, logit, model)
    fields = FieldCalibrator.fit(
        sigmoid(logit),
        calibration["click"].to_numpy(),
        _cells(calibration),
        exposure=model.slot_effects[calibration["slot"].to_numpy() - 1],
    )
    scorer = AdClickScorer(
        text,
        item_rates,
        campaign_rates,
        model,
        sigmoid,
        fields=fields,
        reference_quality=float(fields.calibrate(sigmoid(logit), _cells(calibration)).mean()),
        simulated=bool(ordered["simulated"].any()),
    )
    later = model.logit(_features(test, catalogue, text, item_rates, campaign_rates))
    before = pl.concat([history, train, calibration])
    return AdTraining(scorer, _report(scorer, later, before, test, n_train=len(train), rng=rng))


def past_rates(log: pl.DataFrame, key: str, slot_effects: Float64) -> PastRates:
    """Click rates of a log by item or campaign, each impression counted as its slot's chance of being looked at."""
    effect = slot_effects[log["slot"].to_numpy() - 1]
    return PastRates.count(log[key].to_numpy(), log["click"].to_numpy(), effect, shrinkage=_SHRINKAGE)


def _windows(log: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    at = log["at_us"].to_numpy()
    cuts = [int(np.searchsorted(at, at[int(share * len(at))], side="left")) for share in _CUTS]
    edges = [0, *cuts, len(at)]
    parts = [log.slice(start, end - start) for start, end in pairwise(edges)]
    for name, part in zip(("history", "train", "calibration", "test"), parts, strict=True):
        if not 0 < part["click"].sum() < len(part):
            raise DataError(
                f"the {name} window has {part['click'].sum()} clicks on {len(part)} impressions",
                where="ad log",
                fix="log a longer time, at instants that differ",
            )
    return parts[0], parts[1], parts[2], parts[3]


def _features(
    part: pl.DataFrame, catalogue: Catalogue, text: AdText, item_rates: PastRates, campaign_rates: PastRates
) -> Float64:
    queries, query = np.unique(part["query"].to_numpy(), return_inverse=True)
    item = part["item"].to_numpy()
    return ad_features(
        text,
        item_rates,
        campaign_rates,
        queries=queries.tolist(),
        query=query.astype(np.int64),
        row=catalogue.rows(item),
        item=item,
        campaign=part["campaign"].to_numpy(),
        match_type=part["match_type"].to_numpy(),
    )


def _cells(part: pl.DataFrame) -> Int64:
    return ad_fields(part["campaign"].to_numpy(), part["match_type"].to_numpy())


def _fit(part: pl.DataFrame, features: Float64, n_slots: int) -> PositionClickModel:
    return fit_position_click(features, part["slot"].to_numpy(), part["click"].to_numpy(), n_slots=n_slots)


def _calibrate(part: pl.DataFrame, logit: Float64, model: PositionClickModel) -> SigmoidCalibration:
    """The same likelihood once more, with the logit as the only feature and the slot effects held.

    The map never falls. Where a falling one would be likelier by chance, as for a model that tells nothing apart, the
    best that is left is a constant; where it is likelier beyond chance (likelihood ratio, p < 0.001), the model is
    refused.

    Raises:
        DataError: what the model holds likelier was clicked less, beyond chance.
    """
    slot, click = part["slot"].to_numpy(), part["click"].to_numpy()
    sloped, flat = (
        fit_position_click(features, slot, click, slot_effects=model.slot_effects, ridge=0.0)
        for features in (logit[:, None], np.empty((len(logit), 0)))
    )
    slope = float(sloped.weights[0])
    if slope > 0.0:
        return SigmoidCalibration(slope=slope, offset=sloped.intercept)
    alpha = model.slot_effects[slot - 1]
    loss_sloped, loss_flat = (
        log_losses(alpha * p, click).sum() for p in (sloped.p_click_1(logit[:, None]), expit(flat.intercept))
    )
    if 2.0 * (loss_flat - loss_sloped) > _CHI_SQUARE_1_IN_1000:
        raise DataError(
            f"the click model's order is upside down on the calibration window (slope {slope:.3f})",
            where="ad log",
            fix="log more impressions, or look for what changed in the log's last two fifths",
        )
    return SigmoidCalibration(slope=0.0, offset=flat.intercept)


def _report(
    scorer: AdClickScorer, logit: Float64, before: pl.DataFrame, test: pl.DataFrame, *, n_train: int, rng: Rng
) -> AdReport:
    random = generator(rng)
    slot, page = test["slot"].to_numpy(), test["request"].to_numpy()
    click = test["click"].to_numpy().astype(np.float64)
    effect = scorer.slot_effects[slot - 1]
    predicted, without = effect * scorer.calibrated(logit, _cells(test)), effect * scorer.calibration(logit)
    constant = np.full(len(click), before["click"].mean())
    past = before["click"].to_numpy()
    rates = PastRates.count(before["item"].to_numpy(), past, np.ones(len(past)), shrinkage=_SHRINKAGE)
    item_rate = np.minimum(constant * np.exp(rates.of(test["item"].to_numpy())), 1.0 - 1e-9)
    loss, loss_constant, loss_item = (log_losses(p, click) for p in (predicted, constant, item_rate))
    return AdReport(
        simulated=scorer.simulated,
        n_train=n_train,
        n_test=len(test),
        slot_effects=tuple(scorer.slot_effects.tolist()),
        predicted_over_observed=ratio_interval(predicted, click, page, rng=random),
        deciles=reliability_table(predicted, click, cluster=page, bins=10),
        slots=tuple(
            reliability_table(predicted[at], click[at], cluster=page[at], bins=1)[0]
            for at in (slot == number for number in np.unique(slot))
        ),
        log_loss=log_loss(predicted, click),
        log_loss_constant=log_loss(constant, click),
        log_loss_item_rate=log_loss(item_rate, click),
        gain_over_constant=paired_interval(loss_constant, loss, page, rng=random),
        gain_over_item_rate=paired_interval(loss_item, loss, page, rng=random),
        field_spread=scorer.fields.spread,
        gain_of_fields=paired_interval(log_losses(without, click), loss, page, rng=random),
        auc=auc(predicted, click),
        drift=watch_drift(predicted, click, test["at_us"].to_numpy() // (24 * HOUR_US)),
    )
