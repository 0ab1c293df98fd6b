"""Training of a ``Blend``: boosted trees and nets on the same rows, and weights for their logits on later ones."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from shortlist.learning.fit_classifier import ClassifierRecipe
from shortlist.learning.stacking import fit_stack
from shortlist.ranking.blend import Blend, BlendFacts
from shortlist.ranking.gbdt_fit import GBDTRecipe
from shortlist.ranking.input_rows import InputRows
from shortlist.training.fit_rankers import NEURAL, FittedRanker, fit_neural, fit_trees

__all__ = ["BlendRecipe", "FittedBlend", "fit_blend"]


class BlendRecipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is in it.

    Attributes:
        forests: how many boosted ensembles, each with draws of its own.
        trees: how each is grown.
        nets: names of neural rankers, see ``NEURAL``.
        repeats: how many of each, with draws of their own.
        classifier: how they are trained.
    """

    forests: int = 2
    trees: GBDTRecipe = GBDTRecipe(feature_share=0.3, row_share=0.6, leaves=20, min_rows=80, l2=10.0)
    nets: tuple[str, ...] = ("FM",)
    repeats: int = 2
    classifier: ClassifierRecipe = ClassifierRecipe(epochs=6, patience=1, chunk=2_048, embedding_rate=0.004)


@dataclass(frozen=True, slots=True, eq=False)
class FittedBlend:
    """A blend, and how its members came about.

    Attributes:
        blend: what serves it.
        members: by the names of their files, in the order of the blend's weights.
    """

    blend: Blend
    members: Mapping[str, FittedRanker]


def fit_blend(rows: InputRows, *, later: InputRows, recipe: BlendRecipe, seed: int, folder: Path) -> FittedBlend:
    """Train the members, fit their weights, and write all of it for ``Blend.load``.

    The later rows stop each member's training and weigh all of them; calibrate on others, or expect a blend that is a
    little too sure of itself.

    Args:
        rows: to learn from.
        later: rows that lie later in time.
        recipe: who is in it.
        seed: of everything that is drawn.
        folder: of the files; made where it is not there.

    Raises:
        DataError: the labels are all alike, on either side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fitted: dict[str, FittedRanker] = {}
    for k in range(recipe.forests):
        path = folder / f"trees_{k}.txt"
        fitted[path.name] = fit_trees(rows, later=later, recipe=recipe.trees, seed=1_000 * seed + k, path=path)
    for name, k in itertools.product(recipe.nets, range(recipe.repeats)):
        path = folder / f"{name.lower().replace(',', '').replace(' ', '_')}_{k}.onnx"
        fitted[path.name] = fit_neural(
            NEURAL[name], rows, later=later, recipe=recipe.classifier, seed=1_000 * seed + k, path=path
        )
    members = [one.member for one in fitted.values()]
    weights, bias = fit_stack(np.stack([one.logits(later.inputs) for one in members], axis=1), later.label)
    facts = BlendFacts(members=tuple(fitted), weights=tuple(weights.tolist()), bias=bias, sizes=rows.sizes)
    blend = Blend(members, facts)
    blend.save(folder)
    return FittedBlend(blend, fitted)
