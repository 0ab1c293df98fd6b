"""Training of the two-tower model; imports torch, so nothing that serves may import it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch

from shortlist.core.arrays import Float32, Int64, Ragged
from shortlist.features.catalogue import Catalogue
from shortlist.features.item_content import content_tokens
from shortlist.learning.fit_towers import TwoTowerRecipe, fit_towers, item_vectors
from shortlist.learning.negatives.distinct import DistinctNegatives
from shortlist.learning.negatives.frequency import CountedFrequency
from shortlist.learning.negatives.hard import HardNegatives
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.negatives.mixed import MixedNegatives
from shortlist.learning.negatives.sampler import NegativeSampler
from shortlist.learning.negatives.uniform import UniformNegatives
from shortlist.learning.one_thread import one_thread
from shortlist.learning.progress import Progress, silent
from shortlist.learning.tower_examples import TowerExamples
from shortlist.learning.two_tower_arrays import MAX_TOKENS, TwoTowerArrays, latest
from shortlist.learning.two_tower_model import TwoTowerModel

__all__ = ["MakeNegatives", "Progress", "TwoTowerRecipe", "mixed_negatives", "silent", "train_two_tower"]

MakeNegatives = Callable[[Int64], NegativeSampler | HardNegatives]
"""From how often each row is a positive, int64 ``(V + 1,)``, to a sampler."""

_BUCKETS = 8_192
_UNIFORM = 512


def mixed_negatives(count: Int64) -> DistinctNegatives:
    """The default: the batch's own items and 512 uniform ones, each row once."""
    in_batch = InBatchNegatives(CountedFrequency(count))
    return DistinctNegatives(MixedNegatives(in_batch, UniformNegatives(len(count), _UNIFORM)))


@one_thread()
def train_two_tower(
    interactions: pl.DataFrame,
    catalogue: Catalogue,
    *,
    recipe: TwoTowerRecipe | None = None,
    negatives: MakeNegatives = mixed_negatives,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> TwoTowerArrays:
    """Train on each positive with the likes before it as the history.

    Args:
        interactions: schema ``INTERACTIONS``, nothing from after the training end.
        catalogue: the release's items.
        recipe: sizes and rates.
        negatives: which sampler.
        seed: of weights, batch order and negatives.
        folder: where examples are mapped from and checkpoints are kept; without it all is in memory, and an
            interrupted run is lost.
        progress: told of every twentieth of the work.

    Raises:
        DataError: the folder's checkpoint is torn or belongs to another run.
    """
    recipe = recipe or TwoTowerRecipe()
    examples, validation = _split(interactions, catalogue, recipe.validation)
    if folder is not None:
        examples.save(folder / "examples")
        examples = TowerExamples.mapped(folder / "examples")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TwoTowerModel(
            len(catalogue),
            _BUCKETS,
            torch.from_numpy(_content(catalogue)),
            width=recipe.width,
            hidden=recipe.hidden,
            history=recipe.history,
        )
    fit_towers(
        model,
        examples,
        negatives(examples.counts(len(catalogue))),
        recipe=recipe,
        seed=seed,
        validation=validation,
        folder=folder,
        progress=progress,
    )
    return _exported(model, examples)


def _split(
    interactions: pl.DataFrame, catalogue: Catalogue, share: float
) -> tuple[TowerExamples, TowerExamples | None]:
    """All positives, or the earlier ones and the latest ``share``, cut at an instant."""
    if share <= 0.0:
        return TowerExamples.of(interactions, catalogue), None
    instants = interactions.filter(pl.col("positive"))["at_us"].sort()
    cut = int(instants[min(int((1.0 - share) * len(instants)), len(instants) - 1)])
    later = TowerExamples.of(interactions, catalogue, since_us=cut)
    return TowerExamples.of(interactions.filter(pl.col("at_us") < cut), catalogue), later if len(later) else None


def _content(catalogue: Catalogue) -> Int64:
    """Hashed tokens of the items, int64 ``(V + 1, T)``, padded with 0; of more than T the first are read."""
    found = content_tokens(catalogue.table, _BUCKETS)
    whole = [np.empty(0, dtype=np.int64), *(found[n][::-1] for n in range(len(found)))]
    return latest(Ragged.from_lists(whole), int(min(MAX_TOKENS, max(1, found.lengths.max(initial=0)))))


def _exported(model: TwoTowerModel, examples: TowerExamples) -> TwoTowerArrays:
    """The arrays; an item that nobody liked in training keeps no id part, for nothing was learned about its id."""
    vectors = item_vectors(model)
    unmet = np.ones(len(vectors), dtype=np.bool_)
    unmet[examples.liked] = False
    rows = torch.from_numpy(np.flatnonzero(unmet))
    with torch.no_grad():
        cold = model.items(rows, with_id=False)
    placed = cold.any(dim=1)
    vectors[rows[placed]] = cold[placed]
    user = (model.recency, model.hidden.weight, model.hidden.bias, model.output.weight, model.output.bias)
    recency, w1, b1, w2, b2 = (part.detach().numpy().copy() for part in user)
    return TwoTowerArrays(vectors.numpy(), recency, w1, b1, w2, b2, content=_content_vectors(model))


def _content_vectors(model: TwoTowerModel) -> Float32:
    """W token_t of every token that some item has; zeros for the others, which were never trained."""
    with torch.no_grad():
        vectors: Float32 = model.mix(model.token.weight).numpy().copy()
    met = np.zeros(len(vectors), dtype=np.bool_)
    met[np.unique(model.content.numpy())] = True
    met[0] = False
    vectors[~met] = 0.0
    return vectors
