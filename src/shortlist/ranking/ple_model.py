"""PLE: experts that belong to one task beside experts of all, layer on layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.sides_model import Sides
from shortlist.ranking.task_heads_model import Experts, Mixture, TaskHeads

__all__ = ["PLE", "Extraction"]


class Extraction(nn.Module):
    """One level: a task mixes its own experts with the shared ones; the shared way mixes all of them.

    Args:
        tasks: T.
        width: of what every expert reads.
        hidden: units of each expert's layers.
        own: experts of each task.
        shared: experts of all.
        last: no level comes after it, so the shared way ends here.
        dropout: in the experts.
    """

    def __init__(
        self, tasks: int, width: int, hidden: Sequence[int], *, own: int, shared: int, last: bool, dropout: float
    ) -> None:
        super().__init__()
        self.own = nn.ModuleList(Experts(own, width, hidden, dropout) for _ in range(tasks))
        self.shared = Experts(shared, width, hidden, dropout)
        self.of_tasks = nn.ModuleList(Mixture(width, own + shared) for _ in range(tasks))
        self.of_all = None if last else Mixture(width, tasks * own + shared)

    def forward(self, views: Sequence[Sides]) -> list[Tensor]:
        """Views of each task and, last, of the shared way, to as many ``(N, h)``; without the shared one at the end."""
        *mine, common = views
        own = [experts(view) for experts, view in zip(self.own, mine, strict=True)]
        shared = self.shared(common)
        mixed = [
            mixture(view, torch.cat([experts, shared], dim=1))
            for mixture, view, experts in zip(self.of_tasks, mine, own, strict=True)
        ]
        if self.of_all is not None:
            mixed.append(self.of_all(common, torch.cat([*own, shared], dim=1)))
        return mixed


class PLE(nn.Module):
    """Progressive layered extraction (Tang et al., RecSys 2020, eq. 1 to 7): with one level it is their CGC.

    Where tasks are at odds, MMoE's experts are pulled both ways, and one task gains what the other loses (the
    seesaw). Experts that only one task can move are out of the other's reach.

    Args:
        inputs: of any width.
        levels: of extraction.
        own: experts of each task, at each level.
        shared: experts of all, at each level.
        hidden: units of each expert's layers.
        towers: units of each task's layers.
        dropout: in all layers.
        bias: the first logit of each task.
    """

    def __init__(
        self,
        inputs: InputLayer,
        *,
        levels: int = 2,
        own: int = 1,
        shared: int = 2,
        hidden: Sequence[int] = (32,),
        towers: Sequence[int] = (32,),
        dropout: float = 0.0,
        bias: Sequence[float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.inputs, self.n_tasks = inputs, len(bias)
        widths = [inputs.request_width + inputs.candidate_width, *[hidden[-1]] * (levels - 1)]
        self.levels = nn.ModuleList(
            Extraction(len(bias), width, hidden, own=own, shared=shared, last=number == levels - 1, dropout=dropout)
            for number, width in enumerate(widths)
        )
        self.heads = TaskHeads(hidden[-1], towers, dropout, bias)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Logits ``(N, T)``; arguments as ``InputSizes.names``."""
        views = [self.inputs(*arguments).sides] * (self.n_tasks + 1)
        for level in self.levels:
            views = [Sides.whole(hidden) for hidden in level(views)]
        logits: Tensor = self.heads(views)
        return logits
