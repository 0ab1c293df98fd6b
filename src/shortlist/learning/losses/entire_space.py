"""Conversions over all impressions: P(convert | click) learned where nobody clicked as well, and before all is in.

Logits are of ``(click, convert, rate)``. ``p_click = sigmoid(z_0)``; ``p_convert = sigmoid(z_1)`` is the chance that a
click leads to a conversion, sooner or later; ``rate = exp(z_2)`` is one over the mean delay of those that come.
Labels are those of ``conversion_labels``: click, conversion so far, and how long was waited.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["delayed_entire_space_loss", "entire_space_loss"]

_FASTEST = 20.0
"""A rate is kept between exp(-20) and exp(20) a unit of time: a first step that goes astray stays finite."""


def entire_space_loss(logit: Tensor, label: Tensor) -> Tensor:
    """ESMM (Ma et al., "Entire space multi-task model", SIGIR 2018, eq. 3): for conversions that are all in.

        loss = BCE(p_click, click) + BCE(p_click p_convert, conversion)

    A model of conversions that sees clicks alone is asked, when it serves, about impressions that are not like them
    (sample selection). Here ``p_convert`` is only ever a factor of what all impressions tell.

    Args:
        logit: ``(n, 2)`` or more; what follows is not looked at.
        label: ``(n, 2)`` or more.

    Returns:
        ``(n,)``.
    """
    both, neither = _log_chances(logit)
    converted = label[:, 1]
    lost: Tensor = _click_loss(logit, label) - converted * both - (1.0 - converted) * neither
    return lost


def delayed_entire_space_loss(logit: Tensor, label: Tensor) -> Tensor:
    """The same while conversions are still to come (Chapelle, "Modeling delayed feedback", KDD 2014, eq. 9 and 10).

    A click of today without a conversion is no negative yet. With delays that are exponential of rate r, what was seen
    by now has the likelihood

        converted after d:      q r exp(-r d)                 q = p_click p_convert
        not after e:            1 - q + q exp(-r e)

    so that an impression that has waited long counts as a full negative, one of a minute ago hardly at all. Waiting
    times have to differ among the rows: with a single one, few conversions and late ones look the same.

    Args:
        logit: ``(n, 3)``.
        label: ``(n, 3)``, the last column d where there is a conversion and e elsewhere, in the unit of 1 / rate.

    Returns:
        ``(n,)``.
    """
    both, neither = _log_chances(logit)
    log_rate = logit[:, 2].clamp(-_FASTEST, _FASTEST)
    converted, waited = label[:, 1], log_rate.exp() * label[:, 2]
    seen = both + log_rate - waited
    not_seen = torch.logaddexp(neither, both - waited)
    lost: Tensor = _click_loss(logit, label) - converted * seen - (1.0 - converted) * not_seen
    return lost


def _click_loss(logit: Tensor, label: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logit[:, 0], label[:, 0], reduction="none")


def _log_chances(logit: Tensor) -> tuple[Tensor, Tensor]:
    """Log of ``p_click p_convert`` and of what is left, exact at both ends: ``1 - ab = (1 - a) + a (1 - b)``."""
    click, convert = logit[:, 0], logit[:, 1]
    both = functional.logsigmoid(click) + functional.logsigmoid(convert)
    neither = torch.logaddexp(
        functional.logsigmoid(-click), functional.logsigmoid(click) + functional.logsigmoid(-convert)
    )
    return both, neither
