"""Why this score: one candidate of a page beside another, feature by feature, worked out after the page has left.

Nothing is kept for it when a page is served. The feed's funnel is deterministic, so the request is put through it once
more, with the history as it was at its instant, and the answer counts only if the model's probabilities come out as
they were traced. An advertisement needs no second run: its features are those of the query, the item and the campaign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from shortlist.core.arrays import Array
from shortlist.core.candidates import Candidates
from shortlist.core.columns import CAMPAIGN, MATCH_TYPE, P_CLICK_1_RAW, P_LIKE_RAW, ROW, Column
from shortlist.core.errors import NotFound
from shortlist.core.page import Page
from shortlist.core.request import Request, RequestBatch
from shortlist.core.trace import CandidateTrace, Trace
from shortlist.features.catalogue import Catalogue
from shortlist.funnel.runner import Funnel
from shortlist.ranking.contributions import Contribution

__all__ = ["ExplainsScores", "ScoreStory", "why_score"]

_SAME = 1e-5
"""A probability that comes out this near to the traced one is the same."""


@runtime_checkable
class ExplainsScores(Protocol):
    """A scorer that can say what its features added."""

    def score(self, batch: RequestBatch, candidates: Candidates) -> Mapping[Column[Any], Array]:
        """As a ``Scorer``."""
        ...

    def contributions(self, batch: RequestBatch, pair: Candidates) -> tuple[Contribution, ...]:
        """What lifts the log odds of row 0 above those of row 1, largest first; the sum is their difference."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreStory:
    """A candidate beside another of the same request.

    Attributes:
        column: the probability that is explained, "p_like_raw" or "p_click_1_raw".
        beside: the other candidate's item.
        probability: of the candidate.
        other: of the other one.
        parts: add up to the difference of the log odds.
    """

    item: int
    beside: int
    column: str
    probability: float
    other: float
    parts: tuple[Contribution, ...]

    @property
    def difference(self) -> float:
        """Log odds of the candidate less those of the other."""
        return _logit(self.probability) - _logit(self.other)


def why_score(funnel: Funnel, trace: Trace, page: Page, candidate: CandidateTrace, catalogue: Catalogue) -> ScoreStory:
    """Why a candidate has its score, beside the one in the middle of all that were scored.

    Args:
        funnel: that served the page.
        trace: of the page, with its candidates.
        page: the page.
        candidate: one of the trace's.
        catalogue: of the active release.

    Raises:
        NotFound: the candidate was not scored, the scorer cannot explain, there is nothing to compare with, or the
            request does not come out as it did: a source was late, or the history or the release has changed since.
    """
    column = P_CLICK_1_RAW if trace.funnel == "sponsored" else P_LIKE_RAW
    scorer = next((s.component for s in funnel.scorers if isinstance(s.component, ExplainsScores)), None)
    scored = [row for row in trace.candidates if column.name in row.values]
    if scorer is None or candidate not in scored or len(scored) < 2:
        raise NotFound("this score cannot be taken apart", where=f"item {candidate.item}", fix="ask for a scored item")
    ranked = sorted(scored, key=lambda row: row.values[column.name])
    middle = len(ranked) // 2
    two = (candidate, ranked[middle] if ranked[middle] is not candidate else ranked[middle - 1])
    batch, pair = _ads(page, two, catalogue) if trace.funnel == "sponsored" else _again(funnel, page, two)
    p = scorer.score(batch, pair)[column]
    if not np.allclose(p, [row.values[column.name] for row in two], atol=_SAME):
        raise _changed(page)
    parts = scorer.contributions(batch, pair)
    return ScoreStory(candidate.item, two[1].item, column.name, float(p[0]), float(p[1]), parts)


def _again(funnel: Funnel, page: Page, two: Sequence[CandidateTrace]) -> tuple[RequestBatch, Candidates]:
    """Both rows as they come out of the funnel now, with the history as it was then."""
    request = Request(
        page.request_id,
        k=max(1, len(page.items)),
        at_us=page.served_us,
        user=page.user,
        query=page.query,
        draw_key=page.policy.draw_key,
    )
    run = funnel.run(RequestBatch.of(request), patient=True)
    places = [np.flatnonzero(run.scored.item == row.item) for row in two]
    if not all(len(place) for place in places):
        raise _changed(page)
    return run.batch, run.scored.arrange(np.array([place[0] for place in places]), np.array([0, 2]))


def _ads(page: Page, two: Sequence[CandidateTrace], catalogue: Catalogue) -> tuple[RequestBatch, Candidates]:
    """Both advertisements, from what the trace holds of them."""
    item = np.array([row.item for row in two], dtype=np.int64)
    campaign, match = (np.array([row.values[c.name] for row in two], dtype=np.int64) for c in (CAMPAIGN, MATCH_TYPE))
    found = Candidates.found("keywords", np.array([0, 2]), item, np.zeros(2))
    request = Request(page.request_id, k=1, at_us=page.served_us, query=page.query)
    columns: dict[Column[Any], Array] = {
        CAMPAIGN: campaign,
        MATCH_TYPE: match.astype(np.int8),
        ROW: catalogue.rows(item),
    }
    return RequestBatch.of(request), found.with_columns(columns)


def _changed(page: Page) -> NotFound:
    return NotFound(
        "the request no longer comes out as it did: a source was late then, or its history or the release has changed",
        where=f"page {page.request_id}",
        fix="ask for the page again",
    )


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)
