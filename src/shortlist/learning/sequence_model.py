"""The sequence model in torch: causal self-attention over the liked items, in the order in which they were liked."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.learning.losses.sampled import sampled_softmax_loss

__all__ = ["SequenceModel"]


class SequenceModel(nn.Module):
    """One block of self-attention (Kang & McAuley, "Self-attentive sequential recommendation", ICDM 2018, section 3).

        e_t = sqrt(d) v_(i_t) + place_t
        a_t = e_t + O Σ_s≤t softmax(q_t·k_s / sqrt(d)) value_s,     q, k, value of norm(e)
        u_t = norm(a_t + W2 relu(W1 norm(a_t))),                    logit(t, i) = u_t · v_i + b_i

    With layer norms before the attention and the net instead of behind them, which trains steadily without a
    warm-up; the items' vectors serve as input and as output.

    Args:
        n_rows: V + 1; row 0 is padding.
        width: d.
        hidden: units of the net.
        history: L, liked items read.
        dropout: share of a vector that is zeroed while training.
    """

    def __init__(self, n_rows: int, *, width: int, hidden: int, history: int, dropout: float) -> None:
        super().__init__()
        self.item = nn.Embedding(n_rows, width, padding_idx=0)
        self.bias = nn.Parameter(torch.zeros(n_rows))
        self.place = nn.Embedding(history, width)
        self.norm_in = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.norm_mixed = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, width)
        self.norm_out = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.item.weight.mul_(0.04)
            self.place.weight.mul_(0.02)

    def forward(self, history: Tensor) -> Tensor:
        """Histories as rows ``(B, L)``, oldest first and padded with 0 behind, to user vectors ``(B, L, d)``."""
        width = self.item.embedding_dim
        start = self.dropout(self.item(history) * math.sqrt(width) + self.place.weight[: history.shape[1]])
        query, key, value = self.query_key_value(self.norm_in(start)).chunk(3, dim=-1)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        mixed = start + self.dropout(self.mix(attended))
        users: Tensor = self.norm_out(
            mixed + self.dropout(self.output(torch.relu(self.hidden(self.norm_mixed(mixed)))))
        )
        return users

    def loss(self, window: Tensor, sample: Tensor) -> Tensor:
        """Every item of a window is predicted from those before it: softmax over itself and the other sampled rows.

        Args:
            window: ``(B, L + 1)`` rows, oldest first and padded with 0 behind.
            sample: ``(m,)`` distinct rows, uniformly drawn; with every row from 1 to V the softmax is exact.
        """
        users, target = self(window[:, :-1]), window[:, 1:]
        held = target > 0
        user, target = users[held], target[held]
        positive = (user * self.item(target)).sum(dim=1) + self.bias[target]
        negative = user @ self.item(sample).T + self.bias[sample]
        log_expected = torch.full_like(self.bias[sample], math.log(len(sample) / (self.bias.shape[0] - 1)))
        place, column = torch.nonzero(target.unsqueeze(1) == sample, as_tuple=True)
        return sampled_softmax_loss(positive, negative, log_expected, hits=(place, column))
