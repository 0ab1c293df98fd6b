"""The tables of many features as one: one gather, one sparse gradient, one step."""

from __future__ import annotations

import itertools
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
        ends = list(itertools.accumulate(plan.rows for plan in self.plans))
        self.starts = [end - plan.rows for end, plan in zip(ends, self.plans, strict=True)]
        self.table = nn.Embedding(ends[-1] if ends else 1, width, sparse=True)
        with torch.no_grad():
            self.table.weight.normal_(std=spread)
            for plan, start in zip(self.plans, self.starts, strict=True):
                if plan.quotients:  # they begin as factors of 1: before training, sharers are alike
                    self.table.weight[start + 1 + plan.modulus : start + plan.rows] = 1.0

    def forward(self, ids: Tensor, features: Sequence[int] | None = None) -> Tensor:
        """Embeddings ``(..., F, d)`` of ids ``(..., F)``.

        Args:
            ids: int64; the last axis goes over ``features``.
            features: which ones, by number; all without it.
        """
        which = list(range(len(self.plans)) if features is None else features)
        if self.training:
            ids = forget_ids(ids, self.forget)
        plans = [self.plans[k] for k in which]
        row = ids
        if any(plan.kind != "full" for plan in plans):
            row = torch.where(ids > 0, (ids - 1) % torch.tensor([plan.modulus for plan in plans]) + 1, 0)
        if len(which) == 1:  # onnxruntime adds one by one along a last axis of 1
            row = (row.squeeze(-1) + self.starts[which[0]]).unsqueeze(-1)
        else:
            row = row + torch.tensor([self.starts[k] for k in which])
        found: Tensor = self.table(row)
        if not any(plan.quotients for plan in plans):
            return found
        fields = []
        for at, (k, plan) in enumerate(zip(which, plans, strict=True)):
            field = found[..., at, :]
            if plan.quotients:
                of = ids[..., at]
                quotient = torch.where(of > 0, torch.div(of - 1, plan.modulus, rounding_mode="trunc") + 1, 0)
                field = field * self.table(quotient + (self.starts[k] + 1 + plan.modulus))
            fields.append(field)
        return torch.stack(fields, dim=-2)
