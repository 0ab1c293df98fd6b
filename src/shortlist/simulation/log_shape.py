"""``LogShape``: what of a simulated feed was measured in a real log, and what had to be invented."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import brentq

from shortlist.core.arrays import Array, Float64
from shortlist.core.clock import HOUR_US
from shortlist.core.errors import DataError
from shortlist.datasets.dataset import Dataset
from shortlist.simulation.arrivals import Arrivals

__all__ = ["LogShape", "zipf_exponent"]

_BREAK_US = HOUR_US // 2
_PLACES = (2, 10)
_HIDDEN = (
    "how users read a list, for the log keeps no places",
    "utility, attraction and satisfaction of each item for each taste",
    "return visits, conversions and their delay",
    "the decay of novelty, and drift",
    "which items compete for a request",
)


@dataclass(frozen=True, slots=True, eq=False)
class LogShape:
    """The measures of a log that a world is drawn to.

    Attributes:
        source: the log's name; "invented" for none.
        base_rate: share of positives among what was shown (of a log of ratings: among what was rated).
        zipf: exponent z of popularity, the share of the k-th item being proportional to ``k^-z``.
        places: of a list.
        n_items: different items.
        arrivals: when requests come.
        fitted: what was measured, in words for people.
        invented: what was not, in words for people.
    """

    source: str
    base_rate: float
    zipf: float
    places: int
    n_items: int
    arrivals: Arrivals
    fitted: tuple[str, ...]
    invented: tuple[str, ...]

    @classmethod
    def invent(cls, *, base_rate: float = 0.25, zipf: float = 0.8, places: int = 5, n_items: int = 400) -> LogShape:
        """A shape of no log."""
        return cls(
            source="invented",
            base_rate=base_rate,
            zipf=zipf,
            places=places,
            n_items=n_items,
            arrivals=Arrivals.daily(),
            fitted=(),
            invented=("base rate", "popularity", "list length", "the hours of the week", *_HIDDEN),
        )

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> LogShape:
        """Measure a log.

        A list is what one user met without a break of half an hour; the world's lists have the median length, held
        between 2 and 10. In MovieLens people rated what they chose, so its base rate is that of likes, not of clicks.

        Raises:
            DataError: the data set has no interactions, or its positives are none or all of them.
        """
        rows = dataset.interactions
        rate = float(rows["positive"].mean() or 0.0) if len(rows) else 0.0  # type: ignore[arg-type]
        if not 0.0 < rate < 1.0:
            raise DataError(
                f"{len(rows)} interactions, {rate:.0%} of them positive",
                where=dataset.name,
                fix="give a log with positives and others",
            )
        counts = rows.group_by("item").len()["len"].to_numpy()
        exponent, length = zipf_exponent(counts), _median_length(rows)
        places = int(np.clip(length, *_PLACES))
        of = "shown rows" if dataset.has_impressions else "rated rows: likes, not clicks"
        return cls(
            source=dataset.name,
            base_rate=rate,
            zipf=exponent,
            places=places,
            n_items=len(counts),
            arrivals=Arrivals.of_log(rows["at_us"].to_numpy()),
            fitted=(
                f"base rate {rate:.4f}, share of positives among {len(rows):,} {of}",
                f"popularity exponent {exponent:.3f}, by maximum likelihood over {len(counts):,} items",
                f"{places} places: the median list has {length:g} rows"
                + ("" if places == length else f", held between {_PLACES[0]} and {_PLACES[1]}"),
                "share of requests in each hour of the week",
            ),
            invented=_HIDDEN,
        )

    def popularity(self) -> Float64:
        """Share of each item, the most popular first, float64 ``(n_items,)``."""
        share = np.arange(1, self.n_items + 1) ** -self.zipf
        return np.asarray(share / share.sum(), dtype=np.float64)


def zipf_exponent(counts: Array) -> float:
    """The maximum-likelihood z of ``P(rank k) ~ k^-z`` over the ranks of these counts, between 0 and 5.

    At the maximum, the mean of log k under the model is that of the counts.

    Example:
        >>> round(zipf_exponent(1e6 / np.arange(1, 101) ** 0.9), 3)
        0.9
    """
    ordered = np.sort(np.asarray(counts, dtype=np.float64))[::-1]
    log_rank = np.log(np.arange(1, len(ordered) + 1))
    seen = float(ordered @ log_rank / ordered.sum())

    def surplus(z: float) -> float:
        weight = np.exp(-z * log_rank)
        return float(weight @ log_rank / weight.sum()) - seen

    if surplus(0.0) <= 0.0:
        return 0.0
    return 5.0 if surplus(5.0) >= 0.0 else float(brentq(surplus, 0.0, 5.0))


def _median_length(rows: pl.DataFrame) -> float:
    by_user = rows.sort("user", "at_us").with_columns(
        new=((pl.col("at_us").diff() > _BREAK_US) | (pl.col("user").diff() != 0)).fill_null(value=True)
    )
    lengths = by_user.select(pl.col("new").cum_sum().alias("list")).group_by("list").len()["len"]
    return float(np.median(lengths.to_numpy()))
