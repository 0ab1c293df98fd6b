"""What is left of a trained two-tower model when it serves: plain arrays and the user tower in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from shortlist.core.arrays import Bool, Float32, Int64, Ragged
from shortlist.features.item_content import content_tokens
from shortlist.learning.pooling_kernel import pool

__all__ = ["MAX_TOKENS", "TwoTowerArrays", "latest", "unit"]

MAX_TOKENS = 32
"""Of an item's content, only so many tokens are read."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoTowerArrays:
    """The exported towers.

        pooled_u = sum over the latest L liked items j, newest first, of w_j v_j,   w = softmax(recency) over those held
        u = unit(pooled_u + W2 relu(W1 pooled_u + b1) + b2),                        score(u, i) = u · v_i

    An item that training has not seen is placed by its content alone, v = unit(mean over its tokens t of C_t), in the
    same space; tokens that no item of the training had say nothing.

    Attributes:
        item_vectors: float32 ``(V + 1, d)``, v, of length 1; row 0 is zeros.
        recency: float32 ``(L,)``, logits by place, the newest item first.
        hidden_weight: float32 ``(h, d)``, W1.
        hidden_bias: float32 ``(h,)``, b1.
        output_weight: float32 ``(d, h)``, W2.
        output_bias: float32 ``(d,)``, b2.
        content: float32 ``(buckets + 1, d)``, C; rows of tokens that no item of the training had are zeros.
    """

    item_vectors: Float32
    recency: Float32
    hidden_weight: Float32
    hidden_bias: Float32
    output_weight: Float32
    output_bias: Float32
    content: Float32

    def user_vectors(self, history: Ragged) -> Float32:
        """The user tower.

        Args:
            history: rows of liked items, oldest first, a list a request.

        Returns:
            float32 ``(R, d)`` of length 1; zeros where the history is empty, or holds but items of which nothing is
            known (their vectors are zeros).
        """
        pooled, held = pool(history.values, history.offsets, self.item_vectors, self.recency)
        hidden = np.maximum(pooled @ self.hidden_weight.T + self.hidden_bias, 0.0)
        vector = unit(pooled + hidden @ self.output_weight.T + self.output_bias)
        vector[~held] = 0.0
        return vector

    def content_vectors(self, items: pl.DataFrame) -> Float32:
        """Items by their content alone, without a model and without a retraining.

        Args:
            items: a table in the schema ``ITEMS``.

        Returns:
            float32 ``(n, d)`` of length 1; zeros where no token of an item is known.
        """
        found = content_tokens(items, len(self.content) - 1)
        place = np.arange(len(found.values)) - found.offsets[:-1][found.segment]
        known = (place < MAX_TOKENS) & self.content[found.values].any(axis=1)
        total = np.zeros((len(found), self.content.shape[1]), dtype=np.float32)
        np.add.at(total, found.segment[known], self.content[found.values[known]])
        return unit(total)


def latest(history: Ragged, length: int) -> Int64:
    """The last ``length`` values of each list, newest first, padded with 0: int64 ``(R, length)``.

    Example:
        >>> latest(Ragged.from_lists([[4, 5, 6], [], [9]]), 2).tolist()
        [[6, 5], [0, 0], [9, 0]]
    """
    place = np.arange(length)
    held: Bool = np.less(place, history.lengths[:, None])
    at = history.offsets[1:, None] - 1 - place
    padded = np.zeros(held.shape, dtype=np.int64)
    padded[held] = history.values[at[held]]
    return padded


def unit(vectors: Float32) -> Float32:
    """Rows of length 1; rows of zeros stay zeros."""
    length = np.sqrt(np.square(vectors).sum(axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)
