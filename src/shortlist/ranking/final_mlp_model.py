"""FinalMLP: two perceptrons that look at the same inputs from the request's and from the candidate's side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides, of_rows

__all__ = ["FinalMLP", "Gate"]


class Gate(nn.Module):
    """``2 sigmoid(B relu(A c + a))``: how much each of ``width`` inputs counts in a context c; 1 for all at first.

    Args:
        context: of c; 0 for a context that is learned and the same for all rows.
        width: inputs that are gated.
        hidden: rows of A.
    """

    def __init__(self, context: int, width: int, hidden: int) -> None:
        super().__init__()
        self.alike = None if context else nn.Parameter(torch.ones(1, 1))
        self.first = nn.Linear(context or 1, hidden)
        self.second = nn.Linear(hidden, width, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, context: Tensor) -> Tensor:
        """``(M, context)`` to ``(M, width)``; ``(1, width)`` for a context that is the same for all."""
        c = context if self.alike is None else self.alike
        return 2.0 * torch.sigmoid(self.second(functional.relu(self.first(c))))


class FinalMLP(nn.Module):
    """Mao et al., "FinalMLP: an enhanced two-stream MLP model for CTR prediction", AAAI 2023, eq. 4 to 10.

        o_1 = mlp_1(gate_1(request) ⊙ x0),  o_2 = mlp_2(gate_2(candidate) ⊙ x0)
        logit = b + w_1 · o_1 + w_2 · o_2 + sum over heads h of o_1h' W_h o_2h

    Args:
        inputs: of any width.
        hidden: units of both perceptrons' layers.
        heads: H, parts that the last layers are cut into for the bilinear fusion.
        gate: hidden units of the gates.
        dropout: in both perceptrons.
        bias: the first value of b.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        hidden: Sequence[int] = (64, 32),
        heads: int = 4,
        gate: int = 32,
        dropout: float = 0.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        if hidden[-1] % heads:
            raise ValueError(f"{hidden[-1]} units cannot be cut into {heads} heads")
        self.inputs, self.heads = inputs, heads
        width = inputs.request_width + inputs.candidate_width
        self.request_gate = Gate(inputs.request_width, width, gate)
        self.candidate_gate = Gate(inputs.candidate_width, width, gate)
        self.request_stream = SplitMLP(width, hidden, dropout)
        self.candidate_stream = SplitMLP(width, hidden, dropout)
        self.output = output_layer(2 * hidden[-1], bias)
        self.fusion = nn.Parameter(torch.zeros(heads, hidden[-1] // heads, hidden[-1] // heads))

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N,)``; arguments as ``InputSizes.names``."""
        x = self.inputs(*arguments).sides
        one = self.request_stream(self._gated_by_request(x))
        two = self.candidate_stream(Sides.whole(x.flat * self.candidate_gate(x.candidate)))
        left = one.unflatten(1, (self.heads, 1, -1)) @ self.fusion
        fused = (left.squeeze(2) * two.unflatten(1, (self.heads, -1))).sum(dim=(1, 2))
        logit: Tensor = self.output(torch.cat([one, two], dim=1)).squeeze(1) + fused
        return logit

    def _gated_by_request(self, x: Sides) -> Sides:
        """Both sides; the request's gates and its own gated inputs are worked out once a request."""
        if x.request is None:
            return Sides.whole(x.candidate * self.request_gate(x.candidate))
        gate, r = self.request_gate(x.request), x.request.shape[1]
        return Sides(x.request * gate[:, :r], x.index, x.candidate * of_rows(gate[:, r:], x.index))
