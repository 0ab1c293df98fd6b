"""Training of the sequence model; imports torch, so nothing that serves may import it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from shortlist.core.arrays import Float32, Int64
from shortlist.features.catalogue import Catalogue
from shortlist.learning.one_thread import one_thread
from shortlist.learning.progress import Progress, silent
from shortlist.learning.sequence_arrays import SequenceArrays
from shortlist.learning.sequence_model import SequenceModel

__all__ = ["SequenceRecipe", "train_sequence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRecipe:
    """How the encoder is trained; chosen by NDCG@100 on the last fifth of the users' training positives (MovieLens).

    Attributes:
        width: d.
        hidden: units of the net behind the attention.
        history: L, the latest liked items that the encoder reads.
        epochs: passes over the histories.
        batch: windows of L + 1 items a step.
        learning_rate: of Adam at its height; it rises over the first tenth of the steps and falls to 0 (one cycle).
        weight_decay: of Adam.
        dropout: share of a vector that is zeroed.
        negatives: rows that the softmax is over; catalogues of no more rows get the exact softmax.
        steps_at_most: bound on the work for large tables.
    """

    width: int = 64
    hidden: int = 128
    history: int = 50
    epochs: int = 12
    batch: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    dropout: float = 0.3
    negatives: int = 4_096
    steps_at_most: int = 5_000


@one_thread()
def train_sequence(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: SequenceRecipe | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> SequenceArrays:
    """Train to predict each next liked item.

    Args:
        interactions: schema ``INTERACTIONS``, nothing from after the training end.
        catalogue: the release's items.
        recipe: sizes and rates.
        seed: of weights, dropout, batch order and drawn negatives.
        progress: told of every epoch.
    """
    recipe = recipe or SequenceRecipe()
    windows = torch.from_numpy(_windows(interactions, catalogue, recipe.history))
    steps = max(1, -(-len(windows) // recipe.batch))
    epochs = max(1, min(recipe.epochs, recipe.steps_at_most // steps))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SequenceModel(
            len(catalogue),
            width=recipe.width,
            hidden=recipe.hidden,
            history=recipe.history,
            dropout=recipe.dropout,
        )
        if len(windows):
            _train(model, windows, recipe, epochs, epochs * steps, progress)
    return _exported(model)


def _train(
    model: SequenceModel, windows: Tensor, recipe: SequenceRecipe, epochs: int, steps: int, progress: Progress
) -> None:
    n_items = model.bias.shape[0] - 1
    everything = torch.arange(1, n_items + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps + 1, pct_start=0.1
    )
    for epoch in range(epochs):
        for chosen in torch.split(torch.randperm(len(windows)), recipe.batch):
            drawn = everything if n_items <= recipe.negatives else _distinct(n_items, recipe.negatives)
            window = windows[chosen]
            longest = int((window > 0).sum(dim=1).max())
            loss = model.loss(window[:, :longest], drawn)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        progress("sequence", epoch + 1, epochs)


def _distinct(n_items: int, count: int) -> Tensor:
    """At most ``count`` distinct rows from 1 to ``n_items``, each with the same chance."""
    drawn: Tensor = torch.unique(torch.randint(1, n_items + 1, (count,)))
    return drawn


def _windows(interactions: pl.DataFrame, catalogue: Catalogue, length: int) -> Int64:
    """Each user's likes, oldest first, cut into windows of ``length`` + 1 rows that overlap by one, padded with 0.

    A user's first like and a window of one row predict nothing and give no window.
    """
    liked = interactions.filter(pl.col("positive")).sort(["user", "at_us", "item"])
    row = catalogue.rows(liked["item"].to_numpy())
    known = row > 0
    row, user = row[known], liked["user"].to_numpy()[known]
    start = np.searchsorted(user, user, side="left")
    end = np.searchsorted(user, user, side="right")
    at = np.flatnonzero(((np.arange(len(row)) - start) % length == 0) & (np.arange(len(row)) + 1 < end))
    place = at[:, None] + np.arange(length + 1)
    return np.where(place < end[at][:, None], row[np.minimum(place, max(len(row) - 1, 0))], 0)


def _exported(model: SequenceModel) -> SequenceArrays:
    with torch.no_grad():
        vectors = torch.cat([model.item.weight, model.bias.unsqueeze(1)], dim=1)
        vectors[0] = 0.0

    def plain(tensor: Tensor) -> Float32:
        array: Float32 = tensor.detach().numpy().copy()
        return array

    def norm(layer: nn.LayerNorm) -> Float32:
        return np.stack([plain(layer.weight), plain(layer.bias)])

    return SequenceArrays(
        item_vectors=plain(vectors),
        place=plain(model.place.weight),
        norm_in=norm(model.norm_in),
        attention_weight=plain(model.query_key_value.weight),
        attention_bias=plain(model.query_key_value.bias),
        mix_weight=plain(model.mix.weight),
        mix_bias=plain(model.mix.bias),
        norm_mixed=norm(model.norm_mixed),
        hidden_weight=plain(model.hidden.weight),
        hidden_bias=plain(model.hidden.bias),
        output_weight=plain(model.output.weight),
        output_bias=plain(model.output.bias),
        norm_out=norm(model.norm_out),
    )
