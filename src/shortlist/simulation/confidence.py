"""What an auction loses to an over-confident model: a planted market, where the true chances of a click are known.

Each auction has advertisers with a value a click, bid as it is, and a true chance of a click. The model's logit is the
true one plus noise that it does not know of, made calibrated and then sharpened by a temperature. The auction is the
real one (``auction.gsp``); winners, prices and what the page was truly worth follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from shortlist.auction.gsp import GeneralizedSecondPrice
from shortlist.auction.quality import quality_weight
from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.money import MICROS
from shortlist.core.randomness import Rng, generator
from shortlist.evaluation.calibration import expected_calibration_error
from shortlist.learning.calibration.platt import PlattCalibrator
from shortlist.learning.calibration.temperature import at_temperature

__all__ = ["ConfidenceMarket", "MarketOutcome"]


@dataclass(frozen=True, slots=True, eq=False)
class MarketOutcome:
    """What a model's probabilities led to in every auction.

    Attributes:
        winner: int64 ``(A, K)``, which advertiser stands in each slot; -1 where nobody does.
        price: int64 ``(A, K)``, micros a click; 0 where nobody stands.
        welfare: float64 ``(A,)``, micros a page: ``sum over slots of alpha_s p_true value``.
        revenue: float64 ``(A,)``, micros a page: ``sum over slots of alpha_s p_true price``.
        calibration_error: plain ECE of the probabilities, on one draw of clicks at the reference slot.
    """

    winner: Int64
    price: Int64
    welfare: Float64
    revenue: Float64
    calibration_error: float


@dataclass(frozen=True, slots=True, eq=False)
class ConfidenceMarket:
    """Auctions with their truth.

    Attributes:
        p_click_1: float64 ``(A, n)``, true chance of a click at slot 1.
        calibrated: float64 ``(A, n)``, what a calibrated model says; it does not know all that ``p_click_1`` does.
        bid: int64 ``(A, n)``, micros a click; also the value of one.
        click: bool ``(A, n)``, one draw at slot 1.
        slot_effects: float64 ``(K,)``.
    """

    p_click_1: Float64
    calibrated: Float64
    bid: Int64
    click: Array
    slot_effects: Float64

    @classmethod
    def draw(cls, auctions: int, *, advertisers: int = 8, noise: float = 0.8, rng: Rng) -> ConfidenceMarket:
        """A simulated market.

        True logits are normal around -3 with standard deviation 1, so that one in fifteen ads is clicked; values are
        log-normal around 1 unit with standard deviation 0.7. The model is calibrated by Platt's map on as many auctions
        again, which it is not judged on.

        Args:
            auctions: how many.
            advertisers: in each.
            noise: standard deviation of what the model adds to a logit unknowingly.
            rng: a generator or a seed.
        """
        random = generator(rng)
        logit = -3.0 + random.standard_normal((2 * auctions, advertisers))
        seen = expit(logit + noise * random.standard_normal(logit.shape))
        p = np.asarray(expit(logit), dtype=np.float64)
        click = random.random(p.shape) < p
        value = np.exp(0.7 * random.standard_normal((auctions, advertisers)))
        platt = PlattCalibrator.fit(seen[auctions:].reshape(-1), click[auctions:].reshape(-1))
        return cls(
            p_click_1=p[:auctions],
            calibrated=platt.calibrate(seen[:auctions]),
            bid=np.maximum(1, (value * MICROS).astype(np.int64)),
            click=click[:auctions],
            slot_effects=np.array([1.0, 0.6, 0.35]),
        )

    def first(self, auctions: int) -> ConfidenceMarket:
        """The market cut after so many auctions; its model stays as well calibrated as it was drawn."""
        return replace(
            self,
            p_click_1=self.p_click_1[:auctions],
            calibrated=self.calibrated[:auctions],
            bid=self.bid[:auctions],
            click=self.click[:auctions],
        )

    def at_temperature(self, temperature: float, *, reserve: int = 0) -> MarketOutcome:
        """The auctions fed by ``sigmoid(logit(calibrated) / T)``; below 1 the model is over-confident.

        Example:
            >>> market = ConfidenceMarket.draw(200, rng=0)
            >>> bool(market.at_temperature(0.3).welfare.mean() < market.at_temperature(1.0).welfare.mean())
            True
        """
        return self.run(at_temperature(self.calibrated, temperature), reserve=reserve)

    def run(self, probability: Float64, *, reserve: int = 0) -> MarketOutcome:
        """The auctions fed by any probabilities.

        Args:
            probability: float64 ``(A, n)``, above 0.
            reserve: micros a click.
        """
        auctions, n = self.bid.shape
        slots = len(self.slot_effects)
        winner = np.full((auctions, slots), -1, dtype=np.int64)
        price = np.zeros((auctions, slots), dtype=np.int64)
        gsp, least = GeneralizedSecondPrice(), np.full(n, reserve, dtype=np.int64)
        weight = quality_weight(probability, squashing=1.0, reference=1.0)
        for a in range(auctions):
            outcome = gsp.run(weight=weight[a], bid=self.bid[a], reserve=least, slot_effects=self.slot_effects)
            winner[a, : len(outcome.winner)] = outcome.winner
            price[a, : len(outcome.price)] = outcome.price
        stands, row = winner >= 0, np.arange(auctions)[:, None]
        clicks = stands * self.slot_effects * self.p_click_1[row, winner]
        return MarketOutcome(
            winner=winner,
            price=price,
            welfare=(clicks * self.bid[row, winner]).sum(axis=1),
            revenue=(clicks * price).sum(axis=1),
            calibration_error=expected_calibration_error(
                np.clip(probability, 0.0, 1.0).reshape(-1), self.click.reshape(-1)
            ),
        )
