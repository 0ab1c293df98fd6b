"""The global time split: everything is fitted on the past of what it is judged by."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from shortlist.core.errors import DataError

__all__ = ["TimeSplit", "split_times"]

LEAST_INTERACTIONS = 500
"""Below this a split into four windows leaves nothing to learn from in one of them."""


class TimeSplit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Four windows of the log, by instants in microseconds UTC; each holds its start and not its end.

        [start, examples)            the models that find candidates, and the item tables, for the ranker's examples
        [examples, calibration)      requests that the ranker learns from
        [calibration, test)          requests that stop the training early and fit the calibrator; the released
                                     sources and item tables were fitted on everything before this window
        [test, end)                  requests that the release is judged by

    Models are frozen at those instants. A user's history is live: what they did strictly before the request's instant,
    in whichever window that lies, as a server would know it.
    """

    start: int
    examples: int
    calibration: int
    test: int
    end: int


def split_times(
    interactions: pl.DataFrame, *, examples: float = 0.45, calibration: float = 0.75, test: float = 0.82
) -> TimeSplit:
    """Cut the log at shares of its events; events of one instant stay together.

    Args:
        interactions: schema ``INTERACTIONS``.
        examples: share of the events before the ranker's examples.
        calibration: share before the calibration window.
        test: share before the test window.

    Raises:
        DataError: there are too few events, or they do not spread over time.
    """
    at_us = np.sort(interactions["at_us"].to_numpy())
    if len(at_us) < LEAST_INTERACTIONS:
        raise DataError(
            f"{len(at_us)} interactions are too few to train and to judge a feed",
            where="interactions",
            fix=f"bring at least {LEAST_INTERACTIONS}, or leave the table out for a search page alone",
        )
    cuts = [int(at_us[int(share * len(at_us))]) for share in (examples, calibration, test)]
    start, end = int(at_us[0]), int(at_us[-1]) + 1
    if not start < cuts[0] < cuts[1] < cuts[2] < end:
        raise DataError(
            "the interactions do not spread over time",
            where="interactions.at_us",
            fix="give each its own time in microseconds",
        )
    return TimeSplit(start=start, examples=cuts[0], calibration=cuts[1], test=cuts[2], end=end)
