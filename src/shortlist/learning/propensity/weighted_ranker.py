"""A ranker from clicks and their weights: inverse propensities, or any others.

    loss = mean over clicks, each counting w, of  -log( exp(f(x_r)) / sum over the list of exp(f(x_j)) )

With ``w = γ_1 / γ_r`` its expectation is that of the same loss on what would have been clicked, had everything been
looked at as the first place is (Joachims, Swaminathan & Schnabel, "Unbiased learning-to-rank with biased feedback",
WSDM 2017). With weights of 1 it is the naive ranker. Judged lists are clicks that weigh their gain.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from shortlist.core.arrays import Float64
from shortlist.core.errors import DataError
from shortlist.core.randomness import Rng, generator
from shortlist.learning.losses.listwise import softmax_loss
from shortlist.learning.one_thread import one_thread
from shortlist.learning.propensity.descent import descend, drawn_scorer
from shortlist.learning.propensity.lists import ListBatch
from shortlist.learning.propensity.scorer_arrays import ScorerArrays

__all__ = ["weighted_ranker"]


@one_thread()
def weighted_ranker(
    lists: ListBatch,
    weight: Float64,
    *,
    hidden: int = 32,
    epochs: int = 10,
    batch: int = 256,
    learning_rate: float = 0.01,
    rng: Rng = 0,
) -> ScorerArrays:
    """The ranker.

    Args:
        lists: shown lists with clicks and features.
        weight: float64 ``(S, L)``, of each place if it is clicked (``inverse_propensity_weights``).
        hidden: 0 for a linear one.
        epochs: over the lists with a click; the others have nothing to say.
        batch: lists a step.
        learning_rate: of Adam.
        rng: of weights and order.

    Raises:
        DataError: there is not one finite weight, 0 or above, for each place.
    """
    if weight.shape != lists.click.shape or not (weight[lists.click] >= 0.0).all() or not np.isfinite(weight).all():
        raise DataError(
            f"weights {weight.shape} for lists {lists.click.shape}, or some are not finite",
            where="weighted ranker",
            fix="give each place a weight of at least 0",
        )
    draw = generator(rng)
    ranker = drawn_scorer(lists.features[lists.held], hidden=hidden, draw=draw)
    z, held = ranker.standardised(lists.features), torch.from_numpy(lists.held)
    click = torch.from_numpy(lists.click.astype(np.float32))
    by_place = torch.from_numpy(weight.astype(np.float32))

    def loss(part: Tensor) -> Tensor:
        return softmax_loss(ranker(z[part]), click[part], where=held[part], weights=by_place[part])

    with_click = np.flatnonzero(lists.click.any(axis=1))
    descend(loss, ranker.parameters(), with_click, epochs=epochs, batch=batch, learning_rate=learning_rate, draw=draw)
    return ranker.arrays()
