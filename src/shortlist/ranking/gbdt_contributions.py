"""Exact Shapley values of boosted trees against one other row: a leaf at a time, no drawing."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from shortlist.core.arrays import Array, Float64
from shortlist.ranking.gbdt_file import BoostedTrees, Tree

__all__ = ["gbdt_contributions"]

_ZERO = 1e-35
"""LightGBM takes what is nearer to 0 for 0."""


def gbdt_contributions(model: BoostedTrees, x: Array, beside: Array) -> Float64:
    """What each feature adds to the trees' sum, float64 ``(F,)``; they add up to ``F(x) - F(beside)``.

    A leaf is reached by those mixtures of the two rows that take the features A of its path from x and the features B
    from the other row, A and B being where the rows part on the way. So to the features of A it gives

        value · (|A| - 1)! |B|! / (|A| + |B|)!     and takes from those of B     value · |A|! (|B| - 1)! / (|A| + |B|)!

    (interventional TreeSHAP with one background row, Lundberg et al., Nature Machine Intelligence 2, 2020). Only leaves
    whose path at least one of the rows could take are looked at.

    Args:
        model: the trees.
        x: ``(F,)``, the row that is explained; NaN is missing.
        beside: ``(F,)``, the other one.
    """
    phi = np.zeros(len(model.features))
    for tree in model.trees:
        _descend(tree, x, beside, phi, 0 if len(tree.feature) else -1, frozenset(), frozenset())
    return phi


def _descend(
    tree: Tree, x: Array, beside: Array, phi: Float64, node: int, own: frozenset[int], others: frozenset[int]
) -> None:
    """The leaves below a node that is reached with the features ``own`` of x and ``others`` of the other row."""
    if node < 0:
        value = float(tree.value[~node])
        gain, loss = _shares(len(own), len(others))
        for feature in own:
            phi[feature] += value * gain
        for feature in others:
            phi[feature] -= value * loss
        return
    feature = int(tree.feature[node])
    mine, theirs = (
        int((tree.left if _goes_left(tree, node, row[feature]) else tree.right)[node]) for row in (x, beside)
    )
    if mine == theirs:
        _descend(tree, x, beside, phi, mine, own, others)
        return
    if feature not in others:
        _descend(tree, x, beside, phi, mine, own | {feature}, others)
    if feature not in own:
        _descend(tree, x, beside, phi, theirs, own, others | {feature})


@lru_cache(maxsize=4_096)
def _shares(a: int, b: int) -> tuple[float, float]:
    whole = math.factorial(a + b)
    gain = math.factorial(a - 1) * math.factorial(b) / whole if a else 0.0
    return gain, math.factorial(a) * math.factorial(b - 1) / whole if b else 0.0


def _goes_left(tree: Tree, node: int, value: float) -> bool:
    if node in tree.categories:
        words = tree.categories[node]
        number = int(value) if math.isfinite(value) and value > -1.0 else -1
        return 0 <= number < 32 * len(words) and bool(int(words[number // 32]) >> number % 32 & 1)
    missing = int(tree.missing[node])
    if math.isnan(value) and missing == 0:
        value = 0.0
    if math.isnan(value) or (missing == 1 and abs(value) <= _ZERO):
        return bool(tree.default_left[node])
    return bool(value <= tree.threshold[node])
