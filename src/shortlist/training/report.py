"""``Report``: what an evaluation found, stage by stage; kept in a release as ``evaluation.json`` and printed."""

from __future__ import annotations

import math

import msgspec

from shortlist.core.errors import ReleaseError
from shortlist.evaluation.bootstrap import Interval
from shortlist.evaluation.reliability import ReliabilityBin
from shortlist.releases.release import Release
from shortlist.training.ads import AdReport
from shortlist.training.timesplit import TimeSplit

__all__ = ["EVALUATION_FILE", "Figure", "ProbabilityReport", "Report", "Stage", "figure", "stored_report"]

EVALUATION_FILE = "evaluation.json"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number.

    Attributes:
        who: a source, the merge, the ranked feed, or a baseline.
        what: "recall@50", "ndcg@10", ...
        value: the estimate; None where there is none.
        low: of the interval, None where there is none.
        high: likewise.
    """

    who: str
    what: str
    value: float | None
    low: float | None = None
    high: float | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A table of figures.

    Attributes:
        title: what is judged.
        note: on which rows, and what to keep in mind.
        figures: a line of the table for each ``who``, a column for each ``what``.
    """

    title: str
    note: str
    figures: tuple[Figure, ...]

    def value(self, who: str, what: str) -> float:
        """A figure's value; NaN where there is none."""
        found = [f.value for f in self.figures if (f.who, f.what) == (who, what)]
        return math.nan if not found or found[0] is None else found[0]


class ProbabilityReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a probability came true.

    Attributes:
        of: what it is a probability of.
        negatives: how negatives were made and corrected.
        deciles: from the lowest predictions to the highest.
    """

    of: str
    negatives: str
    deciles: tuple[ReliabilityBin, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation.

    Attributes:
        release: its version.
        dataset: its data.
        split: the windows; None for a catalogue without users.
        requests: requests judged.
        users: whose they are.
        rows: candidates judged.
        stages: the tables, in the funnel's order.
        probability: of the feed; None where there is no feed.
        ads: of the click model, as its training found it; None where no advertisement log was given.
        warnings: what nobody should overlook who serves this release, a sentence each.
        fit_to_serve: false where a plainer order was found to be better than the ranker's; such a release is not
            made active by itself.
    """

    release: str
    dataset: str
    split: TimeSplit | None
    requests: int
    users: int
    rows: int
    stages: tuple[Stage, ...]
    probability: ProbabilityReport | None = None
    ads: AdReport | None = None
    warnings: tuple[str, ...] = ()
    fit_to_serve: bool = True

    def metrics(self) -> dict[str, float]:
        """Every figure by "stage / who / what", for the manifest."""
        figures = {
            f"{stage.title} / {f.who} / {f.what}": f.value
            for stage in self.stages
            for f in stage.figures
            if f.value is not None
        }
        return figures | (self.ads.metrics() if self.ads is not None else {})


def figure(who: str, what: str, found: Interval | float) -> Figure:
    """A figure from an interval or a bare number; what is not finite becomes None, for JSON has no NaN."""
    if isinstance(found, Interval):
        return Figure(
            who=who, what=what, value=_finite(found.estimate), low=_finite(found.low), high=_finite(found.high)
        )
    return Figure(who=who, what=what, value=_finite(found))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def stored_report(release: Release) -> Report:
    """The report that was written when the release was trained.

    Raises:
        ReleaseError: the file is missing or of another shape.
    """
    path = release.folder / EVALUATION_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        raise ReleaseError(
            f"the evaluation cannot be read: {error}", where=str(path), fix="train a new release"
        ) from None
