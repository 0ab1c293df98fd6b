"""What multi-task rankers share: a tower a task on top, and mixtures of experts below."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shortlist.ranking.mlp_model import SplitMLP, output_layer
from shortlist.ranking.sides_model import Sides

__all__ = ["Experts", "Mixture", "TaskHeads"]


class Experts(nn.Module):
    """Perceptrons of one shape that read the same inputs: ``(N, experts, hidden[-1])``.

    Args:
        count: of experts, one at least.
        width: r + c, of the input.
        hidden: units of each layer of each.
        dropout: in all of them.
    """

    def __init__(self, count: int, width: int, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.each = nn.ModuleList(SplitMLP(width, hidden, dropout) for _ in range(count))
        self.width = hidden[-1]

    def forward(self, sides: Sides) -> Tensor:
        """What each of them says."""
        return torch.stack([expert(sides) for expert in self.each], dim=1)


class Mixture(nn.Module):
    """``sum over experts i of g_i(x) e_i``, ``g = softmax(W x + b)``.

    Args:
        width: r + c, of what the gate reads.
        count: of experts.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, count)

    def forward(self, sides: Sides, experts: Tensor) -> Tensor:
        """``(N, experts, h)`` to ``(N, h)``."""
        weight = torch.softmax(sides.linear(self.gate.weight, self.gate.bias), dim=1)
        mixed: Tensor = (weight.unsqueeze(1) @ experts).squeeze(1)
        return mixed


class TaskHeads(nn.Module):
    """A perceptron and a logit a task.

    Args:
        width: of what each tower reads.
        hidden: units of each tower's layers.
        dropout: in the towers.
        bias: the first logit of each task; as many as there are tasks.
    """

    def __init__(self, width: int, hidden: Sequence[int], dropout: float, bias: Sequence[float]) -> None:
        super().__init__()
        if not bias:
            raise ValueError("a multi-task model needs at least one task")
        self.towers = nn.ModuleList(SplitMLP(width, hidden, dropout) for _ in bias)
        self.outputs = nn.ModuleList(output_layer(hidden[-1], first) for first in bias)

    def forward(self, views: Sequence[Sides]) -> Tensor:
        """Logits ``(N, T)`` of a view a task."""
        towers = zip(self.towers, self.outputs, views, strict=True)
        return torch.cat([output(tower(view)) for tower, output, view in towers], dim=1)
