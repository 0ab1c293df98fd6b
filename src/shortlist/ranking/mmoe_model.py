"""MMoE: all tasks share the experts, each weighs them its own way."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.sides_model import Sides
from shortlist.ranking.task_heads_model import Experts, Mixture, TaskHeads

__all__ = ["MMoE"]


class MMoE(nn.Module):
    """Multi-gate mixture of experts (Ma et al., "Modeling task relationships in multi-task learning", KDD 2018, eq. 6).

        f_t(x) = sum over experts i of softmax(W_t x)_i e_i(x),    logit_t = w_t · tower_t(f_t(x)) + b_t

    Where tasks agree they lean on the same experts, where they do not on others; a shared bottom cannot choose.

    Args:
        inputs: of any width.
        experts: how many.
        hidden: units of each expert's layers.
        towers: units of each task's layers.
        dropout: in all layers.
        bias: the first logit of each task.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        experts: int = 4,
        hidden: Sequence[int] = (32,),
        towers: Sequence[int] = (32,),
        dropout: float = 0.0,
        bias: Sequence[float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.inputs = inputs
        width = inputs.request_width + inputs.candidate_width
        self.experts = Experts(experts, width, hidden, dropout)
        self.mixtures = nn.ModuleList(Mixture(width, experts) for _ in bias)
        self.heads = TaskHeads(hidden[-1], towers, dropout, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N, T)``; arguments as ``InputSizes.names``."""
        sides = self.inputs(*arguments).sides
        experts = self.experts(sides)
        logits: Tensor = self.heads([Sides.whole(mixture(sides, experts)) for mixture in self.mixtures])
        return logits
