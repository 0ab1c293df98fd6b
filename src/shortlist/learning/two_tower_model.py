"""The two-tower model in torch: an item tower over id and content, a user tower over the liked items."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["TwoTowerModel", "in_batch_softmax_loss"]


class TwoTowerModel(nn.Module):
    """Two towers into one space (Yi et al., "Sampling-bias-corrected neural modeling", RecSys 2019).

        v_i = unit(id_i + W mean over content tokens t of i of token_t)
        u = unit(pooled + mlp(pooled)),  pooled = recency-weighted mean of the liked items' v

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
        self.item = nn.Embedding(n_rows, width, padding_idx=0)
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

    def items(self, row: Tensor) -> Tensor:
        """The item tower: rows ``(n,)`` to unit vectors ``(n, d)``; row 0 to zeros."""
        token = self.content[row]
        count = (token > 0).sum(dim=1, keepdim=True).clamp(min=1)
        content = self.token(token).sum(dim=1) / count
        return functional.normalize(self.item(row) + self.mix(content), dim=-1) * (row > 0).unsqueeze(-1)

    def users(self, vectors: Tensor, held: Tensor) -> Tensor:
        """The user tower: the liked items' vectors ``(B, L, d)``, newest first, and which places are held."""
        weight = torch.softmax(self.recency.masked_fill(~held, -1e9), dim=1)
        pooled = torch.einsum("bl,bld->bd", weight, vectors)
        return functional.normalize(pooled + self.output(torch.relu(self.hidden(pooled))), dim=-1)

    def forward(self, history: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Histories ``(B, L)`` and targets ``(B,)``, as rows, to user and item vectors, each ``(B, d)``."""
        rows, where = torch.unique(torch.cat([history.reshape(-1), target]), return_inverse=True)
        vectors = self.items(rows)
        liked, positive = where[: history.numel()].view_as(history), where[history.numel() :]
        return self.users(vectors[liked], history > 0), vectors[positive]


def in_batch_softmax_loss(user: Tensor, item: Tensor, target: Tensor, log_q: Tensor, *, temperature: float) -> Tensor:
    """Sampled softmax over the batch's own items, corrected for how often they are drawn (Yi et al. 2019, eq. 5).

        loss = -mean over b of log( e^(s_bb) / sum over c of e^(s_bc) ),    s_bc = u_b·v_c / τ - log q_c

    Without the correction a popular item is pushed down for being drawn as a negative so often. Places c ≠ b that
    hold b's own target are left out of the sum.

    Args:
        user: ``(B, d)``.
        item: ``(B, d)``, the targets' vectors.
        target: ``(B,)``, the targets' rows.
        log_q: ``(B,)``, log of the chance that one place of a batch holds the target.
        temperature: τ.
    """
    logit = user @ item.T / temperature - log_q
    same = target.unsqueeze(1) == target.unsqueeze(0)
    same.fill_diagonal_(False)
    return functional.cross_entropy(logit.masked_fill(same, -torch.inf), torch.arange(len(user)))
