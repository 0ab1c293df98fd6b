"""Boosted trees, served: equal to LightGBM to the last bit of the sum, several times faster, and without LightGBM."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shortlist.core.arrays import Array, Float64, Int64, UInt64
from shortlist.core.errors import ReleaseError
from shortlist.ranking.gbdt_contributions import gbdt_contributions
from shortlist.ranking.gbdt_file import BoostedTrees, Tree, read_trees
from shortlist.ranking.gbdt_kernel import CATEGORY, DEFAULT_LEFT, DEFAULT_RIGHT, NAN_IS_ZERO, add_up, to_ranks

__all__ = ["GBDT"]

_AT_ONCE = 65_536
_Column = tuple[int, int, bool]  # feature, kind of column, zeros are missing


class GBDT:
    """``F(x) = sum over trees t of value_t(leaf of x)`` (Friedman, "Greedy function approximation", 2001).

    A value is compared with many thresholds on its way, so it is first replaced by its rank among all those of its
    feature: a node is then one number of 64 bits, and a whole tree of 63 leaves fits in 1 KiB of the fastest cache.
    Where missing values go by a node's default, a feature has two columns, in which they are the least and the greatest
    value: that needs no test on the way. Eight rows walk a tree together, so that the processor need not wait for one.

    Args:
        model: the trees.
        where: the file's name, for errors.

    Raises:
        ReleaseError: more thresholds a feature, categories or leaves than 16 bits count.
    """

    def __init__(self, model: BoostedTrees, *, where: str = "") -> None:
        self.model = model
        self.features, self.slope = model.features, model.slope
        columns, thresholds = _columns(model)
        self._rank_table = (
            np.array([feature for feature, _, _ in columns], dtype=np.int32),
            np.array([kind for _, kind, _ in columns], dtype=np.int32),
            np.array([zero for _, _, zero in columns], dtype=bool),
            np.concatenate([np.empty(0), *thresholds]),
            np.concatenate([[0], np.cumsum([len(t) for t in thresholds], dtype=np.int64)]),
        )
        inner = np.array([len(tree.feature) for tree in model.trees], dtype=np.int64)
        leaves = inner + 1
        if (
            len(columns) > 0x7FFF
            or int(inner.max(initial=0)) * 2 > 0xFFFF
            or max(map(len, thresholds), default=0) > 0xFFFE
        ):
            raise ReleaseError("the trees are larger than 16 bits can count", where=where, fix="train smaller trees")
        sets = _Sets(where)
        words = [
            _words(tree, {column: c for c, column in enumerate(columns)}, thresholds, sets) for tree in model.trees
        ]
        self._trees = (
            np.concatenate([np.empty(0, np.uint64), *words]),
            np.concatenate([[0], np.cumsum(inner + leaves)])[:-1].astype(np.uint64),
            inner.astype(np.uint64),
            np.concatenate([np.empty(0), *(tree.value for tree in model.trees)]),
            np.concatenate([[0], np.cumsum(leaves)])[:-1].astype(np.uint64),
            sets.table(),
        )

    def contributions(self, x: Array, beside: Array) -> Float64:
        """What each feature adds to the sum of a row ``(F,)`` against another; see ``gbdt_contributions``."""
        return gbdt_contributions(self.model, x, beside)

    @property
    def parameters(self) -> int:
        """Numbers that were learned: a feature and a threshold a node, a value a leaf."""
        return int(2 * self._trees[2].sum()) + len(self._trees[3])

    def raw(self, x: Array) -> Float64:
        """F, float64 ``(N,)``: log odds divided by ``slope`` for a classifier.

        Args:
            x: ``(N, F)``, float32 or float64, a column a feature; NaN is missing, a category is its number.
        """
        if x.ndim != 2 or x.shape[1] != len(self.features):
            raise ReleaseError(
                f"the trees read {len(self.features)} features, got an array of shape {x.shape}",
                where="GBDT.raw",
                fix="compute the features of this release",
            )
        out = np.zeros(-(-len(x) // 8) * 8)
        for start in range(0, len(x), _AT_ONCE):
            part = x[start : start + _AT_ONCE]
            rank = np.zeros((-(-len(part) // 8) * 8, len(self._rank_table[0])), dtype=np.uint16)
            to_ranks(part, *self._rank_table, rank)
            add_up(*self._trees, rank.ravel(), rank.shape[1], out[start : start + len(rank)])
        return out[: len(x)]

    def probability(self, x: Array) -> Float64:
        """``1 / (1 + exp(-slope F))``, float64 ``(N,)``.

        Raises:
            ReleaseError: the model is no classifier.
        """
        if self.slope is None:
            raise ReleaseError("the trees give scores, no probabilities", where="GBDT", fix="train a classifier")
        return 1.0 / (1.0 + np.exp(-self.slope * self.raw(x)))

    @classmethod
    def load(cls, path: Path) -> GBDT:
        """Read a model that LightGBM saved.

        Raises:
            ReleaseError: the file is missing, torn, or holds a kind of model that is not served.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ReleaseError(
                f"the trees cannot be read: {error}", where=str(path), fix="train a new release"
            ) from None
        return cls(read_trees(text, where=str(path)), where=str(path))


class _Sets:
    """The sets of categories that go left, numbered."""

    def __init__(self, where: str) -> None:
        self._sets: list[Int64] = []
        self._where = where

    def number(self, words: Int64) -> int:
        if len(words) * 32 > 0xFFFF or len(self._sets) > 0xFFF0:
            raise ReleaseError(
                "categories above 65,534, or as many categorical splits, are not served",
                where=self._where,
                fix="hash the feature, or give the trees its target statistics",
            )
        self._sets.append(words)
        return len(self._sets) - 1

    def table(self) -> Array:
        """Where each set begins and the last one ends, then the sets."""
        ends = np.cumsum([len(words) for words in self._sets], dtype=np.int64)
        begin = np.concatenate([[0], ends]) + len(self._sets) + 1
        return np.concatenate([begin, *self._sets]).astype(np.uint32)


def _column(tree: Tree, node: int) -> _Column:
    feature = int(tree.feature[node])
    if node in tree.categories:
        return feature, CATEGORY, False
    if tree.missing[node] == 0:
        return feature, NAN_IS_ZERO, False
    return feature, DEFAULT_LEFT if tree.default_left[node] else DEFAULT_RIGHT, bool(tree.missing[node] == 1)


def _columns(model: BoostedTrees) -> tuple[list[_Column], list[Float64]]:
    """The columns that some node reads, by feature, and the thresholds of each feature, rising."""
    columns: set[_Column] = set()
    thresholds: list[set[float]] = [set() for _ in model.features]
    for tree in model.trees:
        for node, threshold in enumerate(tree.threshold):
            columns.add(_column(tree, node))
            if node not in tree.categories:
                thresholds[tree.feature[node]].add(float(threshold))
    return sorted(columns), [np.array(sorted(own)) for own in thresholds]


def _words(tree: Tree, number: dict[_Column, int], thresholds: list[Float64], sets: _Sets) -> UInt64:
    """A tree's nodes, then its leaves, each as rank | column << 16 | categorical << 31 | left << 32 | right << 48."""
    inner = len(tree.feature)
    words = []
    for node in range(inner):
        column = number[_column(tree, node)]
        if node in tree.categories:
            low = sets.number(tree.categories[node]) | column << 16 | 1 << 31
        else:
            low = int(np.searchsorted(thresholds[tree.feature[node]], tree.threshold[node])) | column << 16
        left, right = (
            int(child) if child >= 0 else inner + ~int(child) for child in (tree.left[node], tree.right[node])
        )
        words.append(low | left << 32 | right << 48)
    words += [leaf << 32 | leaf << 48 for leaf in range(inner, 2 * inner + 1)]
    return np.array(words, dtype=np.uint64)
