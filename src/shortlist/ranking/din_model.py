"""DIN: the part of a history that matters is another one for each candidate."""

from __future__ import annotations

from collections.abc import Sequence as Units

from torch import Tensor, nn
from torch.nn import functional

from shortlist.core.errors import DataError
from shortlist.ranking.input_layer_model import InputLayer, Sequence
from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides, of_rows, side_by_side

__all__ = ["DIN", "TargetAttention"]


class TargetAttention(nn.Module):
    """A history pooled with weights that depend on the candidate (Zhou et al., "Deep interest network", KDD 2018).

        pooled(t) = sum over places l of a(e_l, t) e_l,    a(e, t) = u · relu(W [e, t, e - t, e ⊙ t] + b) + c

    As in the paper the weights are not a softmax: their sum says how much of the history speaks for the candidate.
    W's product with e alone is worked out once a request.

    Args:
        width: d.
        hidden: rows of W.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.of_history = nn.Linear(width, hidden, bias=False)
        self.of_target = nn.Linear(width, hidden)
        self.of_product = nn.Linear(width, hidden, bias=False)
        self.weight = nn.Linear(hidden, 1)

    def forward(self, sequence: Sequence, target: Tensor, index: Tensor | None) -> Tensor:
        """Pooled histories ``(N, d)`` for targets ``(N, d)``.

        ``W_1 e + W_2 t + W_3 (e - t) + W_4 (e ⊙ t)`` has the same span as ``W_e e + W_t t + W_p (e ⊙ t)``. For one
        request ``W_t + W_p diag(e)`` is a matrix a place, and all of them are one product with the targets.
        """
        if index is None:
            history = sequence.vectors.squeeze(0)
            places = self.of_target.weight + self.of_product.weight * history.unsqueeze(1)
            once = self.of_history(history) + self.of_target.bias
            hidden = functional.linear(target, places.flatten(0, 1), once.flatten()).view(-1, *once.shape)
            weight: Tensor = self.weight(functional.relu(hidden)).squeeze(2) * sequence.held
            return weight @ history
        vectors = of_rows(sequence.vectors, index)
        alone = of_rows(self.of_history(sequence.vectors), index) + self.of_target(target).unsqueeze(1)
        hidden = functional.relu(alone + self.of_product(vectors * target.unsqueeze(1)))
        weight = self.weight(hidden).squeeze(2) * of_rows(sequence.held, index)
        pooled: Tensor = (weight.unsqueeze(1) @ vectors).squeeze(1)
        return pooled


class DIN(nn.Module):
    """Target attention over each history, and a multilayer perceptron on top.

        logit = w · mlp([request, candidate, pooled(t), pooled(t) ⊙ t]) + b,    t = the candidate's own embedding

    Args:
        inputs: with a list of the request's that is like a categorical feature of the candidate.
        attention: hidden units of the attention.
        hidden: units of the layers on top.
        dropout: in them.
        bias: the first value of b.

    Raises:
        DataError: there is no such list.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        attention: int = 32,
        hidden: Units[int] = (64, 32),
        dropout: float = 0.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        n = sum(one.like is not None for one in inputs.sizes.request_lists)
        if not n:
            raise DataError(
                "target attention needs a history", where="feature spec", fix="add a sequence like the candidate's item"
            )
        self.inputs = inputs
        self.attention = nn.ModuleList(TargetAttention(inputs.width, attention) for _ in range(n))
        width = inputs.request_width + inputs.candidate_width + 2 * n * inputs.width
        self.top = SplitMLP(width, hidden, dropout)
        self.output = output_layer(self.top.width, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        x = self.inputs(*arguments)
        parts = [x.candidate_dense, x.candidate_fields.flatten(1)]
        for attention, sequence in zip(self.attention, x.sequences, strict=True):
            target = x.candidate_fields[:, sequence.like]
            pooled = attention(sequence, target, x.index)
            parts += [pooled, pooled * target]
        logit: Tensor = self.output(self.top(Sides(x.sides.request, x.index, side_by_side(parts)))).squeeze(1)
        return logit
