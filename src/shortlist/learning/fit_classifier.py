"""The training loop of a binary classifier: mini-batches, log-loss, early stopping on rows of a later time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ClassifierRecipe", "FittedClassifier", "fit_classifier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierRecipe:
    """How a classifier is trained.

    Attributes:
        epochs: passes over the rows at most.
        patience: passes without a better validation loss after which it stops.
        batch: rows a step.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
    """

    epochs: int = 12
    patience: int = 2
    batch: int = 2_048
    learning_rate: float = 5e-4
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class FittedClassifier:
    """What the loop saw: the validation log-loss after each pass, and the pass whose weights were kept."""

    losses: tuple[float, ...]
    best_epoch: int


def fit_classifier(
    model: nn.Module,
    rows: Callable[[Tensor], Sequence[Tensor]],
    label: Tensor,
    *,
    validation: tuple[Sequence[Tensor], Tensor],
    recipe: ClassifierRecipe,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> FittedClassifier:
    """Minimise ``mean(-y log p - (1 - y) log(1 - p))``, ``p = sigmoid(model(*rows))``; keep the best pass's weights.

    Args:
        model: gives logits ``(n,)``; changed in place.
        rows: the model's arguments for chosen rows (int64 ``(n,)``).
        label: float32 ``(N,)``, 0 or 1.
        validation: the model's arguments and labels of rows that lie later in time.
        recipe: sizes and rates.
        seed: of the order of rows and of dropout.
        progress: told of every pass.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    order = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    best = copy.deepcopy(model.state_dict())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch in range(recipe.epochs):
            model.train()
            for chosen in torch.split(torch.randperm(len(label), generator=order), recipe.batch):
                loss = functional.binary_cross_entropy_with_logits(model(*rows(chosen)), label[chosen])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            losses.append(_loss(model, *validation))
            if progress is not None:
                progress(epoch + 1, recipe.epochs)
            at = losses.index(min(losses))
            if at == epoch:
                best = copy.deepcopy(model.state_dict())
            elif epoch - at >= recipe.patience:
                break
    model.load_state_dict(best)
    model.eval()
    return FittedClassifier(tuple(losses), losses.index(min(losses)) + 1)


def _loss(model: nn.Module, arguments: Sequence[Tensor], label: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return float(functional.binary_cross_entropy_with_logits(model(*arguments), label))
