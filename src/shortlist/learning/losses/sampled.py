"""Losses over a positive and its sampled negatives, with the correction for how the negatives were sampled."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Hits", "bce_loss", "bpr_loss", "sampled_softmax_loss"]

Hits = tuple[Tensor, Tensor]
"""Accidental hits to leave out: int64 ``(H,)`` places in the batch and places among the negatives."""


def sampled_softmax_loss(
    positive: Tensor, negative: Tensor, log_expected: Tensor, *, hits: Hits | None = None
) -> Tensor:
    """Sampled softmax, right on average for the full one's denominator (Bengio & Senécal 2008; see ``Negatives``).

        loss = mean over b of  log( e^(s_b) + sum over c of e^(s_bc) / E_c ) - s_b

    Its gradient is biased by the logarithm only, O(1 / m), and goes to that of the full softmax as m grows.

    Args:
        positive: ``(B,)``, the positives' logits s_b.
        negative: ``(B, m)``, the negatives' logits s_bc.
        log_expected: ``(m,)`` or ``(B, m)``, log E_c.
        hits: left out of the sum.

    Example:
        >>> s = torch.zeros(1)
        >>> loss = sampled_softmax_loss(s, torch.zeros(1, 2), torch.log(torch.tensor([0.5, 1.0])))
        >>> round(loss.exp().item(), 5)  # 1 + 1 / 0.5 + 1 / 1
        4.0
    """
    logit = _without(negative - log_expected, hits, -torch.inf)
    return (torch.logsumexp(torch.cat([positive.unsqueeze(1), logit], dim=1), dim=1) - positive).mean()


def bpr_loss(
    positive: Tensor, negative: Tensor, log_expected: Tensor | None = None, *, hits: Hits | None = None
) -> Tensor:
    """Bayesian personalised ranking (Rendle et al., UAI 2009): each positive above each negative.

        loss = mean over b of  sum over c of w_bc · -log sigmoid(s_b - s_bc)
        w_bc = (1 / E_c) / sum over c of 1 / E_c

    With the weights it is the loss over negatives drawn uniformly, whatever they were drawn by (a ratio estimate:
    biased O(1 / m)). Without ``log_expected`` all weights are equal.

    Args:
        positive: ``(B,)``.
        negative: ``(B, m)``.
        log_expected: ``(m,)`` or ``(B, m)``, log E_c.
        hits: left out. A row of which nothing is left counts 0.

    Example:
        >>> bpr_loss(torch.tensor([1.0]), torch.tensor([[1.0, 1.0]])).item()  # log 2
        0.6931471824645996
    """
    log_weight = torch.zeros_like(negative) if log_expected is None else torch.zeros_like(negative) - log_expected
    log_weight = _without(log_weight, hits, -torch.inf)
    weight = torch.nan_to_num(torch.softmax(log_weight, dim=1), nan=0.0)
    return (weight * functional.softplus(negative - positive.unsqueeze(1))).sum(dim=1).mean()


def bce_loss(
    positive: Tensor,
    negative: Tensor,
    log_expected: Tensor | None = None,
    positive_log_expected: Tensor | None = None,
    *,
    hits: Hits | None = None,
) -> Tensor:
    """Binary cross-entropy of "is this the positive?".

        loss = mean over b of  -log sigmoid(z_b) - sum over c of log(1 - sigmoid(z_bc)),    z = s - log E

    With the correction it is noise-contrastive estimation (Gutmann & Hyvärinen, JMLR 2012): at its minimum
    s = log p(i | u). Without, it is negative sampling (Mikolov et al. 2013), whose minimum is log p(i | u) - log E_i:
    popularity is divided out (Levy & Goldberg, NeurIPS 2014). Hits are kept as a rule: the derivation draws the noise
    independently of the positive.

    Args:
        positive: ``(B,)``.
        negative: ``(B, m)``.
        log_expected: ``(m,)`` or ``(B, m)``, log E_c.
        positive_log_expected: ``(B,)``, log E of the positives' own rows; goes with ``log_expected``.
        hits: left out.

    Example:
        >>> round(bce_loss(torch.zeros(1), torch.zeros(1, 2)).item() / 0.6931472, 4)  # three times log 2
        3.0
    """
    if log_expected is not None and positive_log_expected is not None:
        positive, negative = positive - positive_log_expected, negative - log_expected
    negative = _without(negative, hits, -torch.inf)
    return (functional.softplus(-positive) + functional.softplus(negative).sum(dim=1)).mean()


def _without(logit: Tensor, hits: Hits | None, value: float) -> Tensor:
    if hits is None:
        return logit
    mask = torch.zeros(logit.shape, dtype=torch.bool)
    mask[hits] = True
    return logit.masked_fill(mask, value)
