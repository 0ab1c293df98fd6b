"""The two-tower model in torch: an item tower over id and content, a user tower over the liked items."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.learning.weighted_bag import embedding_mean, weighted_bag

__all__ = ["TwoTowerModel"]


class TwoTowerModel(nn.Module):
    """Two towers into one space (Yi et al., "Sampling-bias-corrected neural modeling", RecSys 2019).

        v_i = unit(id_i + c_i),  c_i = W mean over content tokens t of i of token_t
        u = unit(pooled + mlp(pooled)),  pooled = recency-weighted mean of the liked items' v

    An item that nobody has met has no id part: it is placed at unit(c_i). Left to itself, training explains an item
    by its id and leaves c_i to chance, so in some steps the wanted items go without ids (Volkovs, Yu & Poutanen,
    "DropoutNet", NeurIPS 2017), as a new item will.

    Args:
        n_rows: V + 1; row 0 is padding.
        n_buckets: content tokens are 1 to ``n_buckets``; 0 is padding.
        content: int64 ``(V + 1, T)``, the hashed content tokens of each item.
        width: d.
        hidden: units of the user tower's hidden layer.
        history: L, liked items read.
    """

    content: Tensor

    def __init__(self, n_rows: int, n_buckets: int, content: Tensor, *, width: int, hidden: int, history: int) -> None:
        super().__init__()
        self.register_buffer("content", content)
        self.item = nn.Embedding(n_rows, width, padding_idx=0, sparse=True)
        self.token = nn.Embedding(n_buckets + 1, width, padding_idx=0)
        self.mix = nn.Linear(width, width, bias=False)
        self.recency = nn.Parameter(torch.zeros(history))
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, width)
        with torch.no_grad():
            self.item.weight.mul_(0.1)
            self.token.weight.mul_(0.1)
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def items(self, row: Tensor, *, with_id: bool = True) -> Tensor:
        """The item tower: rows ``(n,)`` to unit vectors ``(n, d)``; row 0 to zeros.

        Args:
            row: of the catalogue.
            with_id: without it an item is placed by its content alone; one without content has a vector of zeros.
        """
        vector = self.mix(embedding_mean(self.content[row], self.token.weight))
        if with_id:
            vector = vector + self.item(row)
        return functional.normalize(vector, dim=-1) * (row > 0).unsqueeze(-1)

    def users(self, vectors: Tensor, history: Tensor) -> Tensor:
        """The user tower: item vectors ``(n, d)`` and histories ``(B, L)``, places among them, newest first.

        Place 0 is padding and its vector zeros. The weighted sum is fused: the vectors ``(B, L, d)`` never exist.
        """
        weight = torch.softmax(self.recency.masked_fill(history == 0, -1e9), dim=1)
        pooled = weighted_bag(history, vectors, weight)
        return functional.normalize(pooled + self.output(torch.relu(self.hidden(pooled))), dim=-1)

    def forward(self, history: Tensor, *wanted: Tensor, with_id: bool = True) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Users' and items' vectors; each item that stands anywhere goes through its tower once.

        Args:
            history: rows ``(B, L)``, newest first, padded with 0.
            wanted: rows of any shape.
            with_id: whether the wanted items have their id part; those of the histories always do.

        Returns:
            Users ``(B, d)``, and for each of ``wanted`` its shape and d.
        """
        every = torch.cat([history.new_zeros(1), history.reshape(-1), *(row.reshape(-1) for row in wanted)])
        met = torch.zeros(len(self.item.weight), dtype=torch.bool)
        met[every] = True
        rows = met.nonzero().squeeze(1)
        place = torch.empty(len(met), dtype=torch.int64)
        place[rows] = torch.arange(len(rows))
        where = place[every]
        vectors = self.items(rows)
        targets = vectors if with_id else self.items(rows, with_id=False)
        liked, *places = torch.split(where[1:], [history.numel(), *(row.numel() for row in wanted)])
        found = tuple(targets[place].view(*row.shape, -1) for place, row in zip(places, wanted, strict=True))
        return self.users(vectors, liked.view_as(history)), found
