"""The same models fitted by gradient, in log space: what to use where attraction is a network's or a prior is unusual.

Probabilities are sigmoids of logits, and only their logarithms are formed: ``log P(click) = log e + log a`` and
``log P(no click) = log(1 - e a)``, so that a product of many small factors neither vanishes nor loses its gradient.
Imports torch, so nothing that serves may import it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from shortlist.core.arrays import Float64
from shortlist.core.errors import DataError
from shortlist.learning.click_models.dbn import DynamicModel
from shortlist.learning.click_models.dcm import DependentModel
from shortlist.learning.click_models.pbm import PositionModel
from shortlist.learning.click_models.sessions import Sessions
from shortlist.learning.click_models.ubm import BrowsingModel

__all__ = ["fit_dbn_by_gradient", "fit_dcm_by_gradient", "fit_pbm_by_gradient", "fit_ubm_by_gradient", "log1mexp"]

LogExamined = Callable[[Tensor], Tensor]
"""From log attraction at each place, ``(S, L)``, to log P(examined | clicks above), ``(S, L)``."""


def log1mexp(x: Tensor) -> Tensor:
    """``log(1 - e^x)`` for x < 0, without cancellation (Mächler, "Accurately computing log(1 - exp(-|a|))", 2012).

    Example:
        >>> log1mexp(torch.tensor([-1e-10, -50.0], dtype=torch.float64)).round(decimals=3).tolist()
        [-23.026, -0.0]
    """
    x = torch.clamp(x, max=-1e-15)
    small = x > -math.log(2.0)
    near = torch.log(-torch.expm1(torch.where(small, x, torch.full_like(x, -1.0))))
    far = torch.log1p(-torch.exp(torch.where(small, torch.full_like(x, -1.0), x)))
    return torch.where(small, near, far)


def fit_pbm_by_gradient(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200
) -> PositionModel:
    """``fit_pbm`` by L-BFGS; arguments as there.

    Raises:
        DataError: the search came to no finite optimum.
    """
    a, g = _logits((n_pairs or sessions.n_pairs) + 1), _logits(sessions.places)
    path = _ascend(sessions, a, [g], lambda _: logsigmoid(g).expand(sessions.shown.shape), pseudo, steps)
    e = _share(g)
    return PositionModel(np.minimum(_share(a) * e[0], 1.0), e / e[0], path)


def fit_ubm_by_gradient(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200
) -> BrowsingModel:
    """``fit_ubm`` by L-BFGS; arguments as there.

    Raises:
        DataError: the search came to no finite optimum.
    """
    n = sessions.places
    a, g = _logits((n_pairs or sessions.n_pairs) + 1), _logits(n * (n + 1))
    kind = torch.from_numpy(np.arange(n) * (n + 1) + sessions.previous_click)
    path = _ascend(sessions, a, [g], lambda _: logsigmoid(g)[kind], pseudo, steps)
    e = _share(g).reshape(n, n + 1)
    possible = (np.arange(n + 1) >= 1) & (np.arange(n + 1) <= np.arange(n)[:, None] + 1)
    return BrowsingModel(np.minimum(_share(a) * e[0, 1], 1.0), np.where(possible, e / e[0, 1], np.nan), path)


def fit_dcm_by_gradient(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200
) -> DependentModel:
    """``fit_dcm`` by L-BFGS; arguments as there.

    Raises:
        DataError: the search came to no finite optimum.
    """
    a, goes_on = _logits((n_pairs or sessions.n_pairs) + 1), _logits(sessions.places - 1)

    def log_examined(log_a: Tensor) -> Tensor:
        on_click = logsigmoid(goes_on).expand(len(sessions), -1)
        return _log_chain(log_a, on_click, log_a.new_zeros(()), sessions)

    path = _ascend(sessions, a, [goes_on], log_examined, pseudo, steps)
    return DependentModel(_share(a), _share(goes_on), path)


def fit_dbn_by_gradient(
    sessions: Sessions, *, n_pairs: int | None = None, pseudo: float = 0.1, steps: int = 200
) -> DynamicModel:
    """``fit_dbn`` by L-BFGS; arguments as there.

    Raises:
        DataError: the search came to no finite optimum.
    """
    pairs = (n_pairs or sessions.n_pairs) + 1
    a, s, g = _logits(pairs), _logits(pairs), _logits(1)
    shown = torch.from_numpy(sessions.shown[:, :-1].astype(np.int64))

    def log_examined(log_a: Tensor) -> Tensor:
        on_click = logsigmoid(g) + logsigmoid(-s)[shown]
        return _log_chain(log_a, on_click, logsigmoid(g), sessions)

    path = _ascend(sessions, a, [s, g], log_examined, pseudo, steps)
    return DynamicModel(_share(a), _share(s), float(_share(g)[0]), path)


def _log_chain(log_a: Tensor, on_click: Tensor, on_none: Tensor, sessions: Sessions) -> Tensor:
    """``chain_examined_given_above`` in log space; ``on_click`` is ``(S, L - 1)``, ``on_none`` of no or one element."""
    click = torch.from_numpy(sessions.click)
    log_none = log1mexp(log_a)
    e = [log_a.new_zeros(len(sessions))]
    for r in range(sessions.places - 1):
        silent = log1mexp(e[-1] + log_a[:, r])
        e.append(torch.where(click[:, r], on_click[:, r], e[-1] + log_none[:, r] + on_none - silent))
    return torch.stack(e, dim=1)


def _ascend(
    sessions: Sessions, a: Tensor, others: Sequence[Tensor], log_examined: LogExamined, pseudo: float, steps: int
) -> Float64:
    """Maximise the log posterior of all logits; its value after each step, which never falls."""
    shown = torch.from_numpy(sessions.shown.astype(np.int64))
    click, held = torch.from_numpy(sessions.click), torch.from_numpy(sessions.held)
    logits = [a, *others]
    search = torch.optim.LBFGS(logits, max_iter=20, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> float:
        search.zero_grad()
        log_a = logsigmoid(a)[shown]
        log_p = log_examined(log_a) + log_a
        fit = torch.where(click, log_p, log1mexp(log_p))[held].sum()
        prior = sum((logsigmoid(x) + logsigmoid(-x)).sum() for x in logits)
        loss: Tensor = -(fit + pseudo * prior)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    path: list[float] = []
    for _ in range(-(-steps // 20)):
        path.append(-float(search.step(closure)))  # type: ignore[no-untyped-call] # the value before the twenty iterations that this makes
        if len(path) > 1 and path[-1] - path[-2] < 1e-9 * abs(path[-1]):
            break
    path.append(-closure())
    if not math.isfinite(path[-1]):
        raise DataError("the click model came to no finite optimum", where="click sessions", fix="raise pseudo")
    return np.array(path[1:])


def _logits(n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.float64, requires_grad=True)


def _share(logits: Tensor) -> Float64:
    share: Float64 = torch.sigmoid(logits).detach().numpy().astype(np.float64)
    return share
