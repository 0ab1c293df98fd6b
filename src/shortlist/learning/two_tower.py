"""Training of the two-tower model; imports torch, so nothing that serves may import it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from shortlist.core.arrays import Int64, Ragged
from shortlist.features.catalogue import Catalogue
from shortlist.features.text import hashed, words
from shortlist.learning.one_thread import one_thread
from shortlist.learning.two_tower_arrays import TwoTowerArrays, latest
from shortlist.learning.two_tower_model import TwoTowerModel, in_batch_softmax_loss

__all__ = ["Progress", "TwoTowerRecipe", "silent", "train_two_tower"]

Progress = Callable[[str, int, int], None]
"""What is going on, steps done, steps in all."""

_BUCKETS = 8_192
_MAX_TOKENS = 24


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoTowerRecipe:
    """How the towers are trained.

    Attributes:
        width: d.
        hidden: units of the user tower's hidden layer.
        history: L, the latest liked items that the user tower reads.
        epochs: passes over the positives.
        batch: positives a step, and so also the size of the sampled softmax.
        learning_rate: of Adam, falling to 0 by a cosine.
        weight_decay: of Adam.
        temperature: τ of the softmax.
        steps_at_most: bound on the work for large tables.
    """

    width: int = 64
    hidden: int = 128
    history: int = 50
    epochs: int = 10
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-6
    temperature: float = 0.2
    steps_at_most: int = 20_000


@one_thread()
def train_two_tower(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: TwoTowerRecipe | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> TwoTowerArrays:
    """Train on each positive with the likes before it as the history.

    Args:
        interactions: schema ``INTERACTIONS``, nothing from after the training end.
        catalogue: the release's items.
        recipe: sizes and rates.
        seed: of weights and batch order.
        progress: told of every epoch.
    """
    recipe = recipe or TwoTowerRecipe()
    history, target = _examples(interactions, catalogue, recipe.history)
    content = _content(catalogue)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = TwoTowerModel(
            len(catalogue),
            _BUCKETS,
            torch.from_numpy(content),
            width=recipe.width,
            hidden=recipe.hidden,
            history=recipe.history,
        )
    count = np.bincount(target, minlength=len(catalogue))
    log_q = torch.from_numpy(np.log(np.maximum(count, 1) / max(len(target), 1)).astype(np.float32))
    histories, targets = torch.from_numpy(history), torch.from_numpy(target)
    steps = max(1, -(-len(target) // recipe.batch))
    epochs = max(1, min(recipe.epochs, recipe.steps_at_most // steps))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * steps)
    for epoch in range(epochs):
        for chosen in torch.split(torch.randperm(len(target), generator=generator), recipe.batch):
            positive = targets[chosen]
            user, item = model(histories[chosen], positive)
            loss = in_batch_softmax_loss(user, item, positive, log_q[positive], temperature=recipe.temperature)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        progress("two_tower", epoch + 1, epochs)
    return _exported(model, len(catalogue))


def _examples(interactions: pl.DataFrame, catalogue: Catalogue, length: int) -> tuple[Int64, Int64]:
    """Each positive after a user's first: the earlier likes ``(P, length)``, newest first, and its row ``(P,)``."""
    liked = interactions.filter(pl.col("positive")).sort(["user", "at_us", "item"])
    row = catalogue.rows(liked["item"].to_numpy())
    known = row > 0
    row, user = row[known], liked["user"].to_numpy()[known]
    start = np.searchsorted(user, user, side="left")
    at = np.flatnonzero(np.arange(len(row)) > start)
    place = at[:, None] - 1 - np.arange(length)
    history = np.where(place >= start[at][:, None], row[np.maximum(place, 0)], 0)
    return history, row[at]


def _content(catalogue: Catalogue) -> Int64:
    """Hashed tokens of titles, brands and categories, int64 ``(V + 1, T)``, padded with 0."""
    lists: list[Sequence[int]] = [[]]
    for title, brand, names in catalogue.table.select("title", "brand", "categories").iter_rows():
        tokens = [*(f"t:{w}" for w in words(title)), *(f"c:{c}" for c in names or []), f"b:{brand}" if brand else ""]
        lists.append(hashed(filter(None, tokens), _BUCKETS)[::-1])
    flat = Ragged.from_lists(lists)
    return latest(flat, int(min(_MAX_TOKENS, max(1, flat.lengths.max(initial=0)))))


def _exported(model: TwoTowerModel, n_rows: int) -> TwoTowerArrays:
    with torch.no_grad():
        vectors = torch.cat([model.items(rows) for rows in torch.split(torch.arange(n_rows), 8_192)])
        parts = (vectors, model.recency, model.hidden.weight, model.hidden.bias, model.output.weight, model.output.bias)
        return TwoTowerArrays(*(part.detach().numpy().copy() for part in parts))
