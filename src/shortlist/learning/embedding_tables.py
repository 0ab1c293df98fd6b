"""The tables of many features as one: one gather, one sparse gradient, one step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shortlist.learning.draws import forget_ids
from shortlist.learning.table_plan import TablePlan, TableSizes, plan_table

__all__ = ["EmbeddingTables"]


class EmbeddingTables(nn.Module):
    """Embeddings of one width for several features, laid end to end in one weight.

    Ids must lie in ``[0, size)`` of their feature; who hands them in checks it, for a gather does not: -1 reads the
    last row of the feature before. Gradients are sparse: a step costs what the batch's rows cost.

    Args:
        sizes: ids of each feature, the unknown one among them.
        width: d.
        table_sizes: where tables stop growing.
        spread: standard deviation of the first values.
        forget: share of the ids that are taken for unknown while training.
    """

    modulus: Tensor
    start: Tensor
    start_of_quotients: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        width: int,
        *,
        table_sizes: TableSizes | None = None,
        spread: float = 0.01,
        forget: float = 0.0,
    ) -> None:
        super().__init__()
        self.plans: tuple[TablePlan, ...] = tuple(plan_table(size, table_sizes or TableSizes()) for size in sizes)
        self.width, self.forget = width, forget
        ends = torch.tensor([plan.rows for plan in self.plans], dtype=torch.int64).cumsum(0)
        start = ends - torch.tensor([plan.rows for plan in self.plans], dtype=torch.int64)
        modulus = torch.tensor([plan.modulus for plan in self.plans], dtype=torch.int64)
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("modulus", modulus, persistent=False)
        self.register_buffer("start_of_quotients", start + 1 + modulus, persistent=False)
        self.table = nn.Embedding(int(ends[-1]) if len(ends) else 1, width, sparse=True)
        with torch.no_grad():
            self.table.weight.normal_(std=spread)
            for plan, first in zip(self.plans, self.start_of_quotients.tolist(), strict=True):
                if plan.quotients:  # they begin as factors of 1: before training, sharers are alike
                    self.table.weight[first : first + 1 + plan.quotients] = 1.0

    def forward(self, ids: Tensor, features: Sequence[int] | None = None) -> Tensor:
        """Embeddings ``(..., F, d)`` of ids ``(..., F)``.

        Args:
            ids: int64; the last axis goes over ``features``.
            features: which ones, by number; all without it.
        """
        which = range(len(self.plans)) if features is None else features
        if self.training:
            ids = forget_ids(ids, self.forget)
        plans = [self.plans[k] for k in which]
        chosen = torch.tensor(list(which), dtype=torch.int64)
        row = self._rows(ids, plans, chosen)
        found: Tensor = self.table(row + self.start[chosen])
        paired = [at for at, plan in enumerate(plans) if plan.quotients]
        if not paired:
            return found
        of = chosen[paired]
        quotient = torch.where(ids[..., paired] > 0, (ids[..., paired] - 1) // self.modulus[of] + 1, 0)
        factor = self.table(quotient + self.start_of_quotients[of])
        own = list(found.unbind(dim=-2))
        for k, at in enumerate(paired):
            own[at] = own[at] * factor[..., k, :]
        return torch.stack(own, dim=-2)

    def _rows(self, ids: Tensor, plans: Sequence[TablePlan], chosen: Tensor) -> Tensor:
        """Rows within each feature's table; ids themselves where all tables are full."""
        if all(plan.kind == "full" for plan in plans):
            return ids
        return torch.where(ids > 0, (ids - 1) % self.modulus[chosen] + 1, 0)
