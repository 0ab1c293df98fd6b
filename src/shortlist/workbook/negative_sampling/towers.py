"""Small trainings of the package's own two towers, with negatives that are weighed rightly or not, and their lists."""

from __future__ import annotations

import numpy as np
import torch

from shortlist.core.arrays import Float32, Float64, Int64
from shortlist.learning.fit_towers import TwoTowerRecipe, fit_towers, item_vectors
from shortlist.learning.negatives.hard import HardNegatives, Searchable
from shortlist.learning.negatives.sampler import Negatives, NegativeSampler
from shortlist.learning.one_thread import one_thread
from shortlist.learning.two_tower_model import TwoTowerModel
from shortlist.lessons.negative_sampling.corrections import Correction
from shortlist.retrieval.index.exact import ExactIndex
from shortlist.workbook.negative_sampling.likes import READ, Likes

__all__ = ["RECIPE", "Weighed", "WeighedHard", "nearest_rows", "ranks", "scores", "train", "user_vectors"]

RECIPE = TwoTowerRecipe(
    width=16, hidden=16, history=READ, epochs=4, batch=256, temperature=0.1, embedding_rate=0.3, learning_rate=1e-2
)
"""Three times the usual rates and few passes: a hundred steps end where three hundred at the usual rates do."""


class Weighed:
    """Another sampler's draws, weighed by a correction.

    Args:
        of: whose draws.
        correction: right or wrong.
        n_items: V.
    """

    def __init__(self, of: NegativeSampler, correction: Correction, n_items: int) -> None:
        self.of = of
        self.correction = correction
        self.n_items = n_items

    def draw(self, positive: Int64, rng: np.random.Generator) -> Negatives:
        """The same rows, weighed otherwise."""
        return self.correction.apply(self.of.draw(positive, rng), self.n_items)


class WeighedHard(HardNegatives):
    """Hard negatives, weighed by a correction; they are drawn from an exact search.

    Args:
        n_rows: V + 1.
        correction: right or wrong.
        hard: draws from the nearest.
        uniform: draws from all.
        nearest: K.
    """

    def __init__(self, n_rows: int, correction: Correction, *, hard: int, uniform: int, nearest: int) -> None:
        super().__init__(n_rows, nearest_rows, hard=hard, uniform=uniform, nearest=nearest)
        self.correction = correction

    def draw(self, positive: Int64, users: Float32, rng: np.random.Generator) -> Negatives:
        """The same rows, weighed otherwise."""
        return self.correction.apply(super().draw(positive, users, rng), self.n_rows - 1)


class _Nearest:
    def __init__(self, index: ExactIndex) -> None:
        self._index = index

    def search(self, queries: Float32, k: int) -> tuple[Float32, Int64]:
        ids, found = self._index.search(queries, k)
        return found, ids


def nearest_rows(vectors: Float32) -> Searchable:
    """An exact search over rows 1 to V by inner product."""
    return _Nearest(ExactIndex().build(vectors[1:], np.arange(1, len(vectors))))


def train(likes: Likes, negatives: NegativeSampler | HardNegatives, recipe: TwoTowerRecipe, seed: int) -> TwoTowerModel:
    """Towers over item ids alone; weights, batches and negatives depend on the seed alone."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        no_content = torch.zeros(likes.n_rows, 1, dtype=torch.int64)
        model = TwoTowerModel(
            likes.n_rows, 1, no_content, width=recipe.width, hidden=recipe.hidden, history=recipe.history
        )
        fit_towers(model, likes.examples, negatives, recipe=recipe, seed=seed)
    return model


def user_vectors(model: TwoTowerModel, likes: Likes) -> Float32:
    """The users' vectors after all that was learned from: ``(U, d)``."""
    with torch.no_grad(), one_thread():
        found: Float32 = model(torch.from_numpy(likes.history))[0].numpy()
    return found


def scores(model: TwoTowerModel, likes: Likes) -> Float64:
    """Every user with every item, ``(U, V + 1)``; minus infinity at rows that are left out."""
    score = user_vectors(model, likes).astype(np.float64) @ item_vectors(model).numpy().astype(np.float64).T
    score[likes.left_out] = -np.inf
    return score


def ranks(score: Float64, rows: Int64) -> Int64:
    """How many items stand above each of ``rows`` ``(U, n)``, by scores ``(U, V + 1)``.

    Example:
        >>> ranks(np.array([[-np.inf, 0.1, 0.3, 0.2]]), np.array([[3, 2]])).tolist()
        [[1, 0]]
    """
    own = np.take_along_axis(score, rows, axis=1)
    above: Int64 = (score[:, None, :] > own[:, :, None]).sum(axis=2)
    return above
