"""Row-wise Adagrad: one step size an embedding row, and only the rows of the batch are touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from shortlist.learning.rowwise_kernel import RowwiseScratch, rowwise_adagrad

__all__ = ["RowwiseAdagrad"]


class RowwiseAdagrad(torch.optim.Optimizer):
    """Adagrad whose accumulator holds one number a row (FBGEMM's "exact row-wise Adagrad", used by DLRM).

        G_r ← G_r + mean over j of g_rj²,    w_r ← w_r - lr · g_r / (sqrt(G_r) + ε)

    (Duchi, Hazan & Singer, JMLR 2011, with one rate a row; Mudigere et al., "Software-hardware co-design for fast and
    scalable training of deep learning recommendation models", ISCA 2022, section 4.1.) With sparse gradients a step
    costs what the rows in the batch cost, whatever the table holds: dense Adam reads and writes three times the table.
    A row that stands several times in a batch has its gradients added up first. Repeatable to the bit.

    Args:
        params: matrices ``(rows, width)``, such as the weights of ``nn.Embedding(..., sparse=True)``.
        lr: the learning rate.
        eps: ε.
    """

    def __init__(self, params: Iterable[Tensor], *, lr: float, eps: float = 1e-8) -> None:
        super().__init__(params, {"lr": lr, "eps": eps})
        self._scratch: dict[Tensor, RowwiseScratch] = {}
        for group in self.param_groups:
            for weight in group["params"]:
                self.state[weight]["sum"] = torch.zeros(len(weight))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step on the rows that have a gradient; dense gradients are taken as having all of them."""
        if closure is not None:
            with torch.enable_grad():
                closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group["lr"], group["eps"])

    def _update(self, weight: Tensor, gradient: Tensor, lr: float, eps: float) -> None:
        accumulated: Tensor = self.state[weight]["sum"]
        if not gradient.is_sparse:
            accumulated.add_(gradient.square().mean(dim=1))
            weight.sub_(lr * gradient / (accumulated.sqrt() + eps).unsqueeze(1))
            return
        if weight not in self._scratch:
            self._scratch[weight] = RowwiseScratch(len(weight))
        rowwise_adagrad(
            weight.detach().numpy(),
            accumulated.numpy(),
            gradient._indices()[0].numpy(),  # noqa: SLF001 - there is no other way to look at them unsorted
            gradient._values().contiguous().numpy(),  # noqa: SLF001
            self._scratch[weight],
            lr=lr,
            eps=eps,
        )
