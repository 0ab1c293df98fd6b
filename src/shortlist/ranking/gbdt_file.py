"""LightGBM's text model, read into arrays without LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.arrays import Array, Bool, Float64, Int64
from shortlist.core.errors import ReleaseError

__all__ = ["BoostedTrees", "Tree", "read_trees"]

_FIX = "train it by shortlist, or with a plain GBDT of one output"


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One tree of m inner nodes and m + 1 leaves; node 0 is the root.

    Attributes:
        feature: int64 ``(m,)``.
        threshold: float64 ``(m,)``; values up to it go left. NaN where the split is categorical.
        categories: for categorical splits the 32-bit words of the set that goes left, by node.
        default_left: bool ``(m,)``, where a missing value goes.
        missing: int64 ``(m,)``: 0 no value is missing and NaN counts as 0, 1 zeros and NaN are missing, 2 NaN is.
        left: int64 ``(m,)``, a node, or ``~leaf``.
        right: likewise.
        value: float64 ``(m + 1,)``, of the leaves.
    """

    feature: Int64
    threshold: Float64
    categories: Mapping[int, Int64]
    default_left: Bool
    missing: Int64
    left: Int64
    right: Int64
    value: Float64


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTrees:
    """A model.

    Attributes:
        trees: in the order in which their values are added up.
        features: their names, in the order of the input's columns.
        slope: of the sigmoid that makes a probability of the sum; None where the sum is no log odds.
    """

    trees: tuple[Tree, ...]
    features: tuple[str, ...]
    slope: float | None


def read_trees(text: str, *, where: str) -> BoostedTrees:
    """Read what ``Booster.save_model`` writes (format v3 and v4).

    Args:
        text: of the file.
        where: the file's name, for errors.

    Raises:
        ReleaseError: it is no such model, or one that is not served here: several outputs, averaged trees (random
            forests), linear leaves, an objective whose prediction is neither the sum nor its sigmoid.
    """
    head, *rest = text.split("\nTree=")
    fields = _fields(head)
    try:
        if not head.startswith("tree") or fields["version"] not in {"v3", "v4"}:
            raise ReleaseError("not a model of LightGBM, format v3 or v4", where=where, fix=_FIX)
        if fields["num_class"] != "1" or fields["num_tree_per_iteration"] != "1":
            raise ReleaseError("a model of several outputs is not served", where=where, fix=_FIX)
        if any(line.strip() == "average_output" for line in head.splitlines()):
            raise ReleaseError("a random forest (averaged output) is not served", where=where, fix=_FIX)
        slope = _slope(fields.get("objective", "custom"), where)
        if len(rest) != len(fields["tree_sizes"].split()) or "end of trees" not in text:
            raise ReleaseError("the file ends before its last tree", where=where, fix="train a new release")
        trees = tuple(_tree(_fields(part.split("end of trees")[0]), where) for part in rest)
        return BoostedTrees(trees, tuple(fields["feature_names"].split(" ")), slope)
    except (KeyError, ValueError, IndexError) as error:
        raise ReleaseError(f"the trees cannot be read: {error!r}", where=where, fix="train a new release") from None


def _fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _slope(objective: str, where: str) -> float | None:
    name, *settings = objective.split(" ")
    if name == "binary":
        return float(dict(setting.split(":") for setting in settings if ":" in setting)["sigmoid"])
    if name in {"cross_entropy", "xentropy"}:
        return 1.0
    if name in {
        "regression",
        "regression_l1",
        "huber",
        "fair",
        "quantile",
        "mape",
        "lambdarank",
        "rank_xendcg",
        "custom",
    }:
        if "sqrt" in settings:
            raise ReleaseError("a regression of square roots is not served", where=where, fix=_FIX)
        return None
    raise ReleaseError(f"the objective {name!r} is not served", where=where, fix=_FIX)


def _tree(fields: Mapping[str, str], where: str) -> Tree:
    def numbers(name: str, kind: type) -> Array:
        return np.array(fields[name].split(), dtype=kind) if fields.get(name, "").strip() else np.empty(0, kind)

    if fields.get("is_linear", "0") != "0":
        raise ReleaseError("linear leaves are not served", where=where, fix=_FIX)
    leaves = int(fields["num_leaves"])
    value = numbers("leaf_value", np.float64)
    feature, decision = numbers("split_feature", np.int64), numbers("decision_type", np.int64)
    threshold, left, right = (
        numbers("threshold", np.float64),
        numbers("left_child", np.int64),
        numbers("right_child", np.int64),
    )
    if not len(value) == leaves or {len(a) for a in (feature, decision, threshold, left, right)} != {leaves - 1}:
        raise ValueError(f"a tree of {leaves} leaves has other counts of nodes")
    categorical = (decision & 1) > 0
    bounds, words = numbers("cat_boundaries", np.int64), numbers("cat_threshold", np.int64)
    sets = {int(node): words[slice(*bounds[int(threshold[node]) :][:2])] for node in np.flatnonzero(categorical)}
    return Tree(
        feature=feature,
        threshold=np.where(categorical, np.nan, threshold),
        categories=sets,
        default_left=(decision & 2) > 0,
        missing=(decision >> 2) & 3,
        left=left,
        right=right,
        value=value,
    )
