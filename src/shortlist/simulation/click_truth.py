"""The true click model of the simulated market: what nobody who learns from its log may see.

    P(click | ad at slot s) = alpha_s p1
    logit p1 = base + 2.2 fit + 0.25 exact + 0.1 phrase + appeal of the item + trust in the campaign

``fit`` is how well the item serves the query's hidden intent: 1 where it is the very item looked for, else half the
cosine of the categories. Examination depends on the slot alone (the position-based model, Craswell et al., WSDM 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from shortlist.core.arrays import Array, Float64, Int64
from shortlist.core.campaign import MATCH_CODES
from shortlist.core.randomness import Rng, generator
from shortlist.features.catalogue import Catalogue
from shortlist.simulation.queries import Queries

__all__ = ["ClickTruth"]


@dataclass(frozen=True, slots=True, eq=False)
class ClickTruth:
    """True parameters.

    Attributes:
        slot_effects: float64 ``(K,)``.
        base: logit of p1 for an ad that fits nothing.
        appeal: float64 ``(V + 1,)``, by catalogue row.
        trust: float64, by campaign key.
        categories: float64 ``(V + 1, C)``, unit rows, zero where an item has none.
    """

    slot_effects: Float64
    base: float
    appeal: Float64
    trust: Float64
    categories: Float64

    @classmethod
    def draw(cls, catalogue: Catalogue, highest_campaign: int, *, rng: Rng) -> ClickTruth:
        """A world: appeals are normal with standard deviation 0.5, trusts with 0.3."""
        random = generator(rng)
        return cls(
            slot_effects=np.array([1.0, 0.62, 0.42, 0.30]),
            base=-3.2,
            appeal=0.5 * random.standard_normal(len(catalogue)),
            trust=0.3 * random.standard_normal(highest_campaign + 1),
            categories=_unit(catalogue.category_matrix.astype(np.float64)),
        )

    def p_click_1(self, queries: Queries, query: Int64, row: Int64, campaign: Int64, match_type: Array) -> Float64:
        """True chance of a click at slot 1, float64 ``(N,)``.

        Args:
            queries: with their intents.
            query: int64 ``(N,)``, which of them each ad answers.
            row: int64 ``(N,)``, catalogue row of the ad's item.
            campaign: int64 ``(N,)``.
            match_type: ``(N,)``, 1 exact, 2 phrase, 3 broad.
        """
        wanted = _unit(queries.intended_categories)[query]
        likeness = np.einsum("nc,nc->n", wanted, self.categories[row])
        fit = np.where((row > 0) & (row == queries.intended_row[query]), 1.0, 0.5 * likeness)
        match = 0.25 * (match_type == MATCH_CODES["exact"]) + 0.1 * (match_type == MATCH_CODES["phrase"])
        logit: Float64 = self.base + 2.2 * fit + match + self.appeal[row] + self.trust[campaign]
        return np.asarray(expit(logit), dtype=np.float64)


def _unit(rows: Float64) -> Float64:
    length: Float64 = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0.0, length, 1.0)
