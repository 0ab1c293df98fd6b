"""Item factors by alternating least squares over positives (``implicit``); imported when a release is trained."""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_array, csr_matrix

from shortlist.core.arrays import Float32

__all__ = ["als_item_factors"]


def als_item_factors(
    liked: csr_array, *, factors: int, confidence: float, regularization: float, iterations: int, seed: int
) -> Float32:
    """Factorize who liked what (Hu, Koren & Volinsky, "Collaborative filtering for implicit feedback", ICDM 2008).

        minimise  sum over all (u, i) of c_ui (p_ui - x_u·y_i)² + λ (sum |x_u|² + sum |y_i|²)

    with ``p = 1`` and ``c = confidence`` where the user liked the item, ``p = 0`` and ``c = 1`` elsewhere.

    Args:
        liked: ``(users, V + 1)``, 1 where a user liked an item.
        factors: d.
        confidence: c of a positive.
        regularization: λ.
        iterations: sweeps over users and items.
        seed: of the starting point.

    Returns:
        float32 ``(V + 1, d)``; zeros where nobody liked the item.
    """
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=confidence,
        iterations=iterations,
        random_state=seed,
        calculate_training_loss=False,
    )
    model.fit(csr_matrix(liked), show_progress=False)
    factor = np.array(model.item_factors, dtype=np.float32)
    factor[np.asarray(liked.sum(axis=0)) == 0] = 0.0
    return factor
