"""``FeedPlan``: how a feed is fitted and judged, kept in the release so that it can be judged again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from shortlist.core.errors import ReleaseError
from shortlist.core.settings import FeedSettings
from shortlist.datasets.dataset import Dataset
from shortlist.releases.manifest import Probability
from shortlist.training.requests import LabelledRequests, LogKind, RequestGrid, impression_requests, rating_requests
from shortlist.training.timesplit import TimeSplit, split_times

__all__ = ["JUDGED_AT_MOST", "LEARNED_AT_MOST", "FeedPlan"]

LEARNED_AT_MOST = 16_000
"""Requests of a window that is learned from; more would take minutes to retrieve for."""
JUDGED_AT_MOST = 4_000
"""Requests of the test window: an evaluation is over in half a minute."""
_FILE = "plan.json"


class FeedPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Windows, requests and rates.

    Attributes:
        kind: of the data set.
        split: the windows, cut at shares of the log's events; of the events only their times are looked at.
        grid: at which ratings requests are made, from the events before the calibration window, which is all that the
            released models are fitted on; of no use where there are impressions.
        limit: candidates a source brings at most.
        ranked_at_most: candidates of the merge that go on to the ranker when a page is made; it learns from all of
            them, and its probability is about all of them.
        negative_rate: share of the negatives that the ranker learns from.
        seed: of every draw.
    """

    kind: LogKind
    split: TimeSplit
    grid: RequestGrid
    limit: int
    negative_rate: float
    seed: int
    ranked_at_most: int = FeedSettings().ranked_at_most

    @classmethod
    def of(cls, dataset: Dataset, settings: FeedSettings | None = None, *, seed: int = 0) -> FeedPlan:
        """The plan for a data set with users, and for the settings that its feed will be served with.

        Raises:
            DataError: it has too few interactions.
        """
        kind: LogKind = "impressions" if dataset.has_impressions else "ratings"
        split, settings = split_times(dataset.interactions), settings or FeedSettings()
        return cls(
            kind=kind,
            split=split,
            grid=RequestGrid.of(dataset.interactions.filter(pl.col("at_us") < split.calibration)),
            limit=settings.candidates_per_source,
            ranked_at_most=settings.ranked_at_most,
            negative_rate=1.0 if dataset.has_impressions else 0.2,
            seed=seed,
        )

    def requests(self, interactions: pl.DataFrame, start_us: int, end_us: int, at_most: int) -> LabelledRequests:
        """The labelled requests of a window; where there are more than ``at_most``, some drawn by the seed."""
        if self.kind == "impressions":
            found = impression_requests(interactions, start_us, end_us)
        else:
            found = rating_requests(interactions, start_us, end_us, self.grid)
        return found.sample(at_most, self.seed)

    def probability(self, positive_means: str) -> Probability:
        """What ``p_like`` is a probability of, for the manifest."""
        if self.kind == "impressions":
            return Probability(
                of=f"P(positive | the item is shown on a page of the log's own policy); positive: {positive_means}",
                negatives=(
                    "real: items that were shown and not taken up, all of them kept. The log's policy chose what was "
                    "shown; for items that it would not have shown the number is an extrapolation."
                ),
            )
        return Probability(
            of=(
                f"P(the item is among the positives of the user's next {self.grid.horizon} events in the log | the "
                "feed's sources found the item for the user now, and the user goes on to at least "
                f"{self.grid.horizon} events more within the same window of the log); positive: {positive_means}"
            ),
            negatives=(
                "made: the log has no impressions, so every other candidate of the same merged sources counts as a "
                f"negative. The ranker learned from {self.negative_rate:.0%} of them, drawn at random; its odds were "
                f"multiplied by {self.negative_rate:g} to undo that (Elkan 2001), and the result was held against all "
                "candidates of later requests and calibrated where that made it truer."
            ),
        )

    def save(self, folder: Path) -> None:
        """Write ``plan.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(msgspec.json.encode(self))

    @classmethod
    def load(cls, folder: Path) -> FeedPlan:
        """Read what ``save`` wrote.

        Raises:
            ReleaseError: the file is missing or is not a plan.
        """
        path = folder / _FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise ReleaseError(
                f"the plan cannot be read: {error}", where=str(path), fix="train a new release"
            ) from None
