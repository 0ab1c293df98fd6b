"""The blend, its members and single nets, trained and asked."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.clicks.judged import Judged
from benchmarks.clicks.split import Split, Window
from shortlist.core.arrays import Array
from shortlist.learning.fit_classifier import ClassifierRecipe
from shortlist.ranking.blend import Member
from shortlist.training.fit_blend import BlendRecipe, fit_blend
from shortlist.training.fit_rankers import NEURAL, fit_neural

__all__ = ["fitted_blend", "fitted_net"]

LINEAR = ClassifierRecipe(epochs=6, patience=1, chunk=2_048, embedding_rate=0.03)
"""Of LR, whose ids have one weight each and learn more slowly; all other nets are trained like the blend's."""


def fitted_blend(split: Split, recipe: BlendRecipe, seed: int) -> tuple[Judged, dict[str, Judged]]:
    """What the blend says, and one of its forests and its nets by name."""
    n, began = len(split.learn.user), time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        fitted = fit_blend(split.learn.rows, later=split.later.rows, recipe=recipe, seed=seed, folder=Path(scratch))
    took = time.perf_counter() - began
    members = list(fitted.members.values())
    singles = {"boosted trees": Judged.of(split, _asked(members[0].member), n / members[0].seconds)}
    for name, one in zip(recipe.nets, members[recipe.forests :: recipe.repeats], strict=True):
        singles[name] = Judged.of(split, _asked(one.member), n * len(one.curve.validation) / one.seconds)
    return Judged.of(split, _asked(fitted.blend), n / took), singles


def fitted_net(name: str, split: Split, seed: int) -> Judged:
    """What a ranker of ``NEURAL`` says."""
    recipe = LINEAR if name == "LR" else BlendRecipe().classifier
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "net.onnx"
        one = fit_neural(NEURAL[name], split.learn.rows, later=split.later.rows, recipe=recipe, seed=seed, path=path)
    n = len(split.learn.user) * len(one.curve.validation)
    return Judged.of(split, _asked(one.member), n / one.seconds)


def _asked(member: Member) -> Callable[[Window], Array]:
    return lambda window: member.logits(window.rows.inputs)
