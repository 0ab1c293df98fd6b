"""The dual learning algorithm: a ranker and a propensity model, each weighted by the other, from clicks alone.

With softmaxes over the places of a list, ``f`` of the ranker and ``g`` of the propensity model,

    ranker:      - Σ_r c_r (g_1 / g_r) log f_r            propensity:   - Σ_r c_r (f_1 / f_r) log g_r

Ai, Bi, Luo, Guo & Croft, "Unbiased learning to rank with unbiased propensity estimation", SIGIR 2018, section 4.
The weights are the ratios of the softmaxes, clipped; they carry no gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from shortlist.core.randomness import Rng, generator
from shortlist.learning.one_thread import one_thread
from shortlist.learning.propensity.curve import ExaminationCurve
from shortlist.learning.propensity.descent import descend, drawn_scorer
from shortlist.learning.propensity.lists import ListBatch
from shortlist.learning.propensity.scorer_arrays import ScorerArrays

__all__ = ["dual_learning"]


@one_thread()
def dual_learning(
    lists: ListBatch,
    *,
    hidden: int = 32,
    epochs: int = 10,
    batch: int = 256,
    learning_rate: float = 0.01,
    clip: float = 20.0,
    rng: Rng = 0,
) -> tuple[ScorerArrays, ExaminationCurve]:
    """The ranker, and the curve ``g_r / g_1``.

    Args:
        lists: shown lists with clicks and features.
        hidden: of the ranker; 0 for a linear one.
        epochs: over the lists.
        batch: lists a step.
        learning_rate: of Adam.
        clip: the largest weight of a click.
        rng: of weights and order.
    """
    draw = generator(rng)
    ranker = drawn_scorer(lists.features[lists.held], hidden=hidden, draw=draw)
    gate = torch.zeros(lists.places, requires_grad=True)
    z = ranker.standardised(lists.features)
    click, held = torch.from_numpy(lists.click.astype(np.float32)), torch.from_numpy(lists.held)

    def loss(part: Tensor) -> Tensor:
        f = log_softmax(ranker(z[part]).masked_fill(~held[part], -1e9), dim=1)
        g = log_softmax(gate.expand(len(part), -1).masked_fill(~held[part], -1e9), dim=1)
        by_g = (g[:, :1] - g).exp().clamp(max=clip).detach()
        by_f = (f[:, :1] - f).exp().clamp(max=clip).detach()
        return -((by_g * click[part] * f).sum() + (by_f * click[part] * g).sum()) / len(part)

    with_click = np.flatnonzero(lists.click.any(axis=1))
    parameters = [*ranker.parameters(), gate]
    descend(loss, parameters, with_click, epochs=epochs, batch=batch, learning_rate=learning_rate, draw=draw)
    examined = torch.softmax(gate.detach().double(), dim=0).numpy()
    return ranker.arrays(), ExaminationCurve.without_errors(examined / examined[0], "dual learning")
