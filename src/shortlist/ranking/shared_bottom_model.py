"""Shared bottom: tasks that read one common layer, or nothing in common but the embeddings."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.mlp_model import SplitMLP
from shortlist.ranking.sides_model import Sides
from shortlist.ranking.task_heads_model import TaskHeads

__all__ = ["SharedBottom"]


class SharedBottom(nn.Module):
    """One perceptron for all tasks, a tower for each (Caruana, "Multitask learning", Machine Learning 28, 1997).

        logit_t = w_t · tower_t(bottom([request, candidate])) + b_t

    Without a bottom the tasks share their embeddings alone, as in ESMM (Ma et al., SIGIR 2018).

    Args:
        inputs: of any width.
        bottom: units of the common layers; empty for none.
        towers: units of each task's layers.
        dropout: in all layers.
        bias: the first logit of each task.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        bottom: Sequence[int] = (64,),
        towers: Sequence[int] = (32,),
        dropout: float = 0.0,
        bias: Sequence[float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.inputs = inputs
        width = inputs.request_width + inputs.candidate_width
        self.bottom = SplitMLP(width, bottom, dropout) if bottom else None
        self.heads = TaskHeads(bottom[-1] if bottom else width, towers, dropout, bias)
        self.n_tasks = len(bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N, T)``; arguments as ``InputSizes.names``."""
        view = self.inputs(*arguments).sides
        if self.bottom is not None:
            view = Sides.whole(self.bottom(view))
        logits: Tensor = self.heads([view] * self.n_tasks)
        return logits
