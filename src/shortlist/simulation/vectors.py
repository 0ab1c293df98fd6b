"""Planted vectors in the two regimes that decide which index is best."""

from __future__ import annotations

import numpy as np

from shortlist.core.arrays import Float32

__all__ = ["WIDTH", "cosine", "out_of_distribution"]

WIDTH = 64
_CENTRES = 2_000
_SPREAD = 0.7


def out_of_distribution(count: int, queries: int, seed: int, *, piece: int = 0) -> tuple[Float32, Float32]:
    """Items around centres with lognormal lengths (σ = 0.5); queries that know nothing of the centres.

    As with factors or towers that are not normalised. Search them by raw inner product.

    Args:
        count: items.
        queries: how many.
        seed: of the world; its centres and queries are the same in every piece.
        piece: draws other items of the same world.
    """
    rng = np.random.default_rng([seed, 1, piece])
    x = _around(_centres(seed), count, rng)
    x *= rng.lognormal(0.0, 0.5, (count, 1)).astype(np.float32)
    return x, np.random.default_rng([seed, 2]).standard_normal((queries, WIDTH), dtype=np.float32)


def cosine(count: int, queries: int, seed: int) -> tuple[Float32, Float32]:
    """Items around centres, of length 1; queries drawn in the same way."""
    centres = _centres(seed)
    return (
        _around(centres, count, np.random.default_rng([seed, 1, 0])),
        _around(centres, queries, np.random.default_rng([seed, 2])),
    )


def _spectrum() -> Float32:
    return (np.arange(1, WIDTH + 1) ** -0.5).astype(np.float32)


def _centres(seed: int) -> Float32:
    drawn = np.random.default_rng([seed, 0]).standard_normal((_CENTRES, WIDTH), dtype=np.float32)
    return drawn * _spectrum()


def _around(centres: Float32, count: int, rng: np.random.Generator) -> Float32:
    noise = rng.standard_normal((count, WIDTH), dtype=np.float32)
    x: Float32 = centres[rng.integers(len(centres), size=count)] + np.float32(_SPREAD) * noise * _spectrum()
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x
