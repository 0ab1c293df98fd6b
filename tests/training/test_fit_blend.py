"""A blend is written, read back and served without torch; it is better than its members where they err apart."""

import numpy as np
import pytest

from shortlist.core.errors import ReleaseError
from shortlist.evaluation.metrics.log_loss import log_loss
from shortlist.learning.fit_classifier import ClassifierRecipe
from shortlist.ranking.blend import Blend
from shortlist.ranking.gbdt_fit import GBDTRecipe
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes
from shortlist.training.fit_blend import BlendRecipe, fit_blend

ITEMS = 200
SIZES = InputSizes(request_dense=1, candidate_dense=1, candidate_ids=(ITEMS,))
RECIPE = BlendRecipe(
    forests=2,
    trees=GBDTRecipe(trees=60, row_share=0.6),
    nets=("LR",),
    repeats=1,
    classifier=ClassifierRecipe(epochs=5, batch=256, embedding_rate=0.1),
)


def rows(seed, n=4_000):
    """An item's own effect, which only ids tell, and a step in a number, which a linear model does not see."""
    rng = np.random.default_rng(seed)
    effect = np.random.default_rng(99).normal(size=ITEMS)
    item, x, z = rng.integers(1, ITEMS, n), rng.normal(size=n), rng.normal(size=n)
    logit = effect[item] + 2.0 * (np.abs(x) > 0.7) - 1.0
    inputs = {
        "request_dense": z[:, None].astype(np.float32),
        "request_index": np.arange(n),
        "candidate_dense": x[:, None].astype(np.float32),
        "candidate_ids": item[:, None],
    }
    return InputRows(SIZES, inputs, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("blend")


@pytest.fixture(scope="module")
def fitted(folder):
    return fit_blend(rows(0), later=rows(1, 2_000), recipe=RECIPE, seed=0, folder=folder)


def loss(logit, label):
    return log_loss(1 / (1 + np.exp(-np.asarray(logit, dtype=float))), label)


def test_it_beats_each_member_on_rows_that_nobody_has_seen(fitted):
    """By a margin of many standard errors: each member is blind to half of the world."""
    fresh = rows(2)
    blend = loss(fitted.blend.logits(fresh.inputs), fresh.label)
    assert all(blend < loss(one.member.logits(fresh.inputs), fresh.label) - 0.02 for one in fitted.members.values())


def test_it_is_read_back_to_the_bit(fitted, folder):
    fresh = rows(3, 500)
    assert Blend.load(folder).logits(fresh.inputs).tobytes() == fitted.blend.logits(fresh.inputs).tobytes()
    assert list(fitted.members) == ["trees_0.txt", "trees_1.txt", "lr_0.onnx"]


def test_the_logit_is_the_weighted_sum(fitted):
    fresh, facts = rows(3, 500), fitted.blend.facts
    parts = [w * one.member.logits(fresh.inputs) for w, one in zip(facts.weights, fitted.members.values(), strict=True)]
    assert fitted.blend.logits(fresh.inputs) == pytest.approx(facts.bias + np.sum(parts, axis=0))


def test_forests_have_draws_of_their_own(fitted):
    fresh = rows(3, 500)
    first, second = (fitted.members[f"trees_{k}.txt"].member.logits(fresh.inputs) for k in range(2))
    assert np.corrcoef(first, second)[0, 1] > 0.9
    assert not np.array_equal(first, second)


def test_a_torn_or_missing_file_is_named(fitted, folder, tmp_path):
    with pytest.raises(ReleaseError, match="blend cannot be read"):
        Blend.load(tmp_path)
    (tmp_path / "blend.json").write_bytes((folder / "blend.json").read_bytes())
    with pytest.raises(ReleaseError, match="trees cannot be read"):
        Blend.load(tmp_path)
