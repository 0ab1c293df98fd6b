"""The additive position tower: the place has a logit of its own beside the ranker's, and is left out when serving.

    P(click | x at place r) = σ(f(x) + b_r),    b_1 = 0

Ling et al., WWW 2017 ("Model ensemble for click prediction in Bing search ads"), and the shallow tower of Zhao et al.,
"Recommending what video to watch next", RecSys 2019. Under the position-based model it is an approximation: examination
multiplies the chance, the tower multiplies the odds. Zhao et al. hide the place of some rows in training, for their
tower serves without one; an additive tower leaves its term out, and rows that hide it would put the bias back into f.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from shortlist.core.randomness import Rng, generator
from shortlist.learning.one_thread import one_thread
from shortlist.learning.propensity.curve import ExaminationCurve
from shortlist.learning.propensity.descent import descend, drawn_scorer
from shortlist.learning.propensity.lists import ListBatch
from shortlist.learning.propensity.scorer_arrays import ScorerArrays

__all__ = ["position_tower"]


@one_thread()
def position_tower(
    lists: ListBatch,
    *,
    hidden: int = 32,
    epochs: int = 10,
    batch: int = 1024,
    learning_rate: float = 0.01,
    rng: Rng = 0,
) -> tuple[ScorerArrays, ExaminationCurve]:
    """The ranker, and the curve: mean over rows of ``σ(f + b_r) / σ(f + b_1)``.

    Args:
        lists: shown lists with clicks and features.
        hidden: of the ranker; 0 for a linear one.
        epochs: over the rows.
        batch: rows a step.
        learning_rate: of Adam.
        rng: of weights and order.
    """
    draw = generator(rng)
    rows = lists.features[lists.held]
    place = np.broadcast_to(np.arange(lists.places), lists.held.shape)[lists.held]
    ranker = drawn_scorer(rows, hidden=hidden, draw=draw)
    base = torch.zeros(1, requires_grad=True)
    tower = torch.zeros(lists.places, requires_grad=True)
    z, at = ranker.standardised(rows), torch.from_numpy(place.astype(np.int64))
    click = torch.from_numpy(lists.click[lists.held].astype(np.float32))

    def loss(part: Tensor) -> Tensor:
        shift = (tower - tower[0])[at[part]]
        return binary_cross_entropy_with_logits(ranker(z[part]) + base + shift, click[part])

    parameters, every_row = [*ranker.parameters(), base, tower], np.arange(len(rows))
    descend(loss, parameters, every_row, epochs=epochs, batch=batch, learning_rate=learning_rate, draw=draw)
    with torch.no_grad():
        score = (ranker(z) + base).double()
        ratio = [(torch.sigmoid(score + b) / torch.sigmoid(score)).mean() for b in (tower - tower[0]).double()]
    curve = np.array([float(r) for r in ratio])
    return ranker.arrays(), ExaminationCurve.without_errors(curve, "additive position tower")
