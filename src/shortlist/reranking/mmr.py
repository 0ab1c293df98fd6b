"""Diversity by maximal marginal relevance, drawn slot by slot (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from shortlist.core.arrays import Bool, Float32, Float64, Int64
from shortlist.core.candidates import Candidates
from shortlist.core.columns import (
    ADDED_SCORE,
    LITTLE_KNOWN,
    RANK_SCORE,
    RETRIEVAL_SCORE,
    ROW,
    SELECTION_PROPENSITY,
    SLOT,
)
from shortlist.core.counted_draws import first_uniforms
from shortlist.core.errors import ShortlistError
from shortlist.core.merge_kernel import ranks
from shortlist.core.request import RequestBatch
from shortlist.reranking.exploration import Exploration
from shortlist.reranking.page_kernel import draw_page

__all__ = ["MMRSelector", "scale"]


class MMRSelector:
    """Chooses a page by relevance less likeness to what already stands on it.

    The marginal score of item i given the slots above, S::

        m_i = (1 - d) * r_i - d * max over j in S of cos(v_i, v_j)

    with d the diversity and r the rank score scaled to [0, 1] within the request (the best candidate has 1). Each
    slot is drawn by the slot softmax over m, or with exploration by the mixture of that and one over the little-known
    items, for which r is scaled among themselves; what already stands above is masked. Where no scorer gave a rank
    score (it failed or was left out) the retrieval score stands in.

    Args:
        vectors: float32 ``(V + 1, dim)``, unit rows, a row an item of the catalogue; zeros where nothing is known.
        diversity: d in [0, 1]; 0 is relevance alone.
        temperature: of the slot softmax, at least 0; 0 is greedy, and every propensity is 1.
        exploration: the share of each slot that is kept for candidates with ``LITTLE_KNOWN`` = 1; without it none is.
    """

    name = "mmr"

    def __init__(
        self, vectors: Float32, *, diversity: float, temperature: float, exploration: Exploration | None = None
    ) -> None:
        if not 0.0 <= diversity <= 1.0:
            raise ShortlistError(f"diversity is {diversity}", where="MMRSelector", fix="give 0 to 1")
        if not 0.0 <= temperature < np.inf:
            raise ShortlistError(
                f"temperature is {temperature}", where="MMRSelector", fix="give 0 or a positive number"
            )
        self._vectors = vectors
        self.diversity = diversity
        self.temperature = temperature
        self.exploration = exploration

    def select(self, batch: RequestBatch, candidates: Candidates) -> Candidates:
        """At most ``k`` rows a request in slot order; adds ``SLOT``, ``ADDED_SCORE``, ``SELECTION_PROPENSITY``."""
        column = RANK_SCORE if RANK_SCORE in candidates else RETRIEVAL_SCORE
        score = candidates[column]
        little_known = candidates[LITTLE_KNOWN] > 0 if self.exploration else np.zeros(len(score), dtype=bool)
        picks = [
            self._page(
                score[rows], candidates[ROW][rows], little_known[rows], request.k, request.draw_key, start=rows.start
            )
            for request, rows in ((r, candidates.rows_of(n)) for n, r in enumerate(batch.requests))
        ]
        chosen, added, chance = (np.concatenate([page[part] for page in picks]) for part in range(3))
        offsets = np.array([0, *accumulate(len(page[0]) for page in picks)], dtype=np.int64)
        shown = candidates.arrange(chosen, offsets)
        return shown.with_columns({SLOT: ranks(offsets) + 1, ADDED_SCORE: added, SELECTION_PROPENSITY: chance})

    def _page(
        self, score: Float64, row: Int64, little_known: Bool, k: int, draw_key: int, *, start: int
    ) -> tuple[Int64, Float64, Float64]:
        slots = min(k, len(score))
        relevance = (1.0 - self.diversity) * scale(score)
        among_themselves = np.zeros(len(score))
        among_themselves[little_known] = (1.0 - self.diversity) * scale(score[little_known])
        explored = (self.exploration.share, self.exploration.temperature) if self.exploration else (0.0, 0.0)
        chosen, added, chance = draw_page(
            relevance,
            among_themselves,
            little_known,
            self._vectors.take(row if self.diversity > 0.0 else row[:0], axis=0),
            first_uniforms(np.uint64(draw_key), slots),
            self.diversity,
            self.temperature,
            explored,
        )
        return start + chosen, added, chance


def scale(score: Float64) -> Float64:
    """Scores of one request in [0, 1]: the best has 1, the worst 0; all have 1 where they are equal.

    Example:
        >>> scale(np.array([3.0, 1.0, 2.0])).tolist()
        [1.0, 0.0, 0.5]
    """
    if not len(score):
        return score
    low, high = float(score.min()), float(score.max())
    return (score - low) / (high - low) if high > low else np.ones(len(score))
