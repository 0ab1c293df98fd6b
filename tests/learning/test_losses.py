"""Losses over lists: values spelled out, gradients against differences and swaps, and one suite for all of them."""

from __future__ import annotations

from functools import partial
from math import exp, log

import numpy as np
import pytest
import torch

from shortlist.core.errors import DataError
from shortlist.evaluation.metrics.ndcg import ndcg
from shortlist.learning.losses.lambda_gradient import lambda_gradient
from shortlist.learning.losses.lambda_rank import lambda_rank_loss
from shortlist.learning.losses.listwise import calibrated_ranking_loss, list_cross_entropy_loss, softmax_loss
from shortlist.learning.losses.pairwise import pairwise_hinge_loss, pairwise_logistic_loss
from shortlist.learning.losses.pointwise import binary_cross_entropy_loss, squared_loss
from shortlist.learning.losses.tasks import TaskLogLoss

LOSSES = {
    "cross-entropy": binary_cross_entropy_loss,
    "squared": squared_loss,
    "hinge": pairwise_hinge_loss,
    "logistic": pairwise_logistic_loss,
    "lambdarank": lambda_rank_loss,
    "lambdarank@2": partial(lambda_rank_loss, k=2),
    "softmax": softmax_loss,
    "list cross-entropy": list_cross_entropy_loss,
    "calibrated": calibrated_ranking_loss,
}
every = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())

SCORES = torch.tensor([2.2, -1.3, 5.4], dtype=torch.float64)
LABELS = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def lists(seed=0, batch=(4,), size=6):
    generator = torch.Generator().manual_seed(seed)
    score = torch.randn(*batch, size, generator=generator, dtype=torch.float64)
    label = torch.randint(0, 2, (*batch, size), generator=generator).double()
    label[..., 0], label[..., 1] = 1.0, 0.0
    return score, label


def test_the_values_in_the_readme_of_rax():
    ours = ndcg(SCORES.numpy(), LABELS.numpy(), np.arange(3), np.array([0, 3]))
    assert ours[0] == pytest.approx(0.63092977, abs=1e-7)
    assert pairwise_hinge_loss(SCORES, LABELS).item() == pytest.approx(2.1)


def test_values_are_their_formulas():
    cross = (-log(sigmoid(2.2)) - log(1 - sigmoid(-1.3)) - log(1 - sigmoid(5.4))) / 3
    in_list = -log(sigmoid(2.2) / (sigmoid(2.2) + sigmoid(-1.3) + sigmoid(5.4)))
    expected = {
        "cross-entropy": cross,
        "squared": ((2.2 - 1) ** 2 + 1.3**2 + 5.4**2) / 3,
        "hinge": (max(0, 1 - 3.5) + (1 + 3.2)) / 2,
        "logistic": (log(1 + exp(-3.5)) + log(1 + exp(3.2))) / 2,
        "softmax": -log(exp(2.2) / (exp(2.2) + exp(-1.3) + exp(5.4))),
        "list cross-entropy": in_list,
        "calibrated": cross + in_list,
        # the relevant one is second: swapped with the third it loses 1/log2(3) - 1/2, with the first it gains 1 - 1/log2(3)
        "lambdarank": (1 / np.log2(3) - 1 / 2) * log(1 + exp(-3.5)) + (1 - 1 / np.log2(3)) * log(1 + exp(3.2)),
        "lambdarank@2": (1 / np.log2(3) - 0) * log(1 + exp(-3.5)) + (1 - 1 / np.log2(3)) * log(1 + exp(3.2)),
    }
    assert {name: loss(SCORES, LABELS).item() for name, loss in LOSSES.items()} == pytest.approx(expected)


def test_graded_labels_spelled_out():
    label = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
    logistic = (log(1 + exp(-3.5)) + log(1 + exp(3.2)) + log(1 + exp(-6.7))) / 3
    assert pairwise_logistic_loss(SCORES, label).item() == pytest.approx(logistic)
    total = exp(2.2) + exp(-1.3) + exp(5.4)
    assert softmax_loss(SCORES, label).item() == pytest.approx(-(2 * log(exp(2.2) / total) + log(exp(5.4) / total)) / 3)


@every
def test_gradients_equal_finite_differences(loss):
    score, label = lists(batch=(2, 2))
    where = torch.rand(score.shape, generator=torch.Generator().manual_seed(1)) < 0.8
    weight = torch.rand(score.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda s: loss(s, label, where=where, weights=weight), (score.requires_grad_(),), atol=1e-6
    )


@pytest.mark.parametrize("k", [None, 3])
def test_lambda_is_its_swap_definition(k):
    """Each pair is swapped in the order and NDCG measured anew; the negative control leaves the swaps out."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        score, label = rng.normal(size=7), rng.integers(0, 4, 7)
        label[:2] = 3, 0

        def value(s, label=label):
            return float(ndcg(s, 2.0**label - 1, np.arange(7), np.array([0, 7]), k=k)[0])

        by_swap, plain = np.zeros(7), np.zeros(7)
        for i in range(7):
            for j in range(7):
                if label[i] > label[j]:
                    swapped = score.copy()
                    swapped[[i, j]] = score[[j, i]]
                    push = sigmoid(score[j] - score[i])
                    force = abs(value(swapped) - value(score)) * push
                    by_swap[[i, j]] += -force, force
                    plain[[i, j]] += -push, push
        twin = lambda_gradient(score, label, k=k)
        s = torch.tensor(score, requires_grad=True)
        lambda_rank_loss(s, torch.tensor(label), k=k).backward()
        np.testing.assert_allclose(twin.gradient, by_swap, atol=1e-12)
        np.testing.assert_allclose(s.grad.numpy(), by_swap, atol=1e-12)
        assert twin.ndcg == pytest.approx(value(score))
        assert np.abs(plain - by_swap).max() > 0.1


@every
def test_masked_places_count_nothing_whatever_they_hold(loss):
    score, label = lists()
    padded = torch.cat([score, torch.full((4, 3), torch.nan, dtype=torch.float64)], dim=1).requires_grad_()
    labels = torch.cat([label, torch.full((4, 3), torch.nan, dtype=torch.float64)], dim=1)
    weights = torch.full((4, 9), torch.nan, dtype=torch.float64)
    weights[:, :6] = 1.0
    where = torch.arange(9).expand(4, 9) < 6
    value = loss(padded, labels, where=where, weights=weights)
    assert value.item() == pytest.approx(loss(score, label).item())
    value.backward()
    assert (padded.grad[:, 6:] == 0.0).all()
    assert torch.isfinite(padded.grad).all()


@every
def test_a_list_of_nothing_changes_nothing_and_nothing_at_all_is_zero(loss):
    score, label = lists()
    where = torch.ones_like(score, dtype=torch.bool)
    where[2] = False
    keep = torch.tensor([0, 1, 3])
    assert loss(score, label, where=where).item() == pytest.approx(loss(score[keep], label[keep]).item())
    s = score.clone().requires_grad_()
    empty = loss(s, label, where=torch.zeros_like(where))
    empty.backward()
    assert empty.item() == 0.0
    assert (s.grad == 0.0).all()


@every
def test_a_list_whose_weights_are_zero_is_left_out(loss):
    score, label = lists()
    weight = torch.ones_like(score)
    weight[1] = 0.0
    where = weight > 0.0
    assert loss(score, label, weights=weight).item() == pytest.approx(loss(score, label, where=where).item())


@every
def test_weights_weigh_the_terms_of_their_items(loss):
    """One relevant item a list: its weight weighs all that a pair or a list says. The scale of all weights cancels."""
    score, label = lists()
    label = torch.zeros_like(label)
    label[:, 0] = 1.0
    weight = torch.arange(1.0, len(score) + 1, dtype=torch.float64)[:, None].expand(score.shape)
    alone = torch.stack([loss(score[b], label[b]) for b in range(len(score))])
    value = loss(score, label, weights=weight).item()
    if loss in (LOSSES["lambdarank"], LOSSES["lambdarank@2"]):  # a mean over lists
        assert value == pytest.approx((weight[:, 0] * alone).mean().item())
    else:
        assert value == pytest.approx(((weight[:, 0] * alone).sum() / weight[:, 0].sum()).item())
        assert loss(score, label, weights=5 * weight).item() == pytest.approx(value)


@every
def test_permuting_items_permutes_gradients(loss):
    score, label = lists()
    order = torch.randperm(6, generator=torch.Generator().manual_seed(5))
    a, b = score.clone().requires_grad_(), score[:, order].clone().requires_grad_()
    first, second = loss(a, label), loss(b, label[:, order])
    first.backward()
    second.backward()
    assert first.item() == pytest.approx(second.item())
    assert torch.allclose(a.grad[:, order], b.grad)


@every
def test_batch_shape_does_not_matter(loss):
    score, label = lists(batch=(2, 3))
    assert loss(score, label).item() == pytest.approx(loss(score.reshape(6, 6), label.reshape(6, 6)).item())


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_scores_stay_finite(loss, dtype):
    score = torch.tensor([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], dtype=dtype, requires_grad=True)
    value = loss(score, torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], dtype=dtype))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(score.grad).all()


@every
def test_shapes_that_differ_are_refused(loss):
    with pytest.raises(DataError, match="labels"):
        loss(torch.zeros(2, 3), torch.zeros(3))


def test_calibrated_ranking_is_least_at_the_true_log_odds_and_the_softmax_mix_is_not():
    """Expected labels in the place of drawn ones, each part being linear in the label up to its normaliser."""
    p = torch.tensor([0.05, 0.2, 0.6, 0.3], dtype=torch.float64)
    at = torch.logit(p).requires_grad_()
    calibrated_ranking_loss(at, p).backward()
    assert at.grad.abs().max() < 1e-12
    at = torch.logit(p).requires_grad_()
    (binary_cross_entropy_loss(at, p) + softmax_loss(at, p)).backward()
    assert at.grad.abs().max() > 0.01


def test_the_loss_of_tasks_is_the_weighted_sum_and_what_is_not_known_counts_nothing():
    logit = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    label = (torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    label[::3, 2] = -1.0
    lost = TaskLogLoss((1.0, 0.5, 2.0))(logit, label)
    each = torch.nn.functional.binary_cross_entropy_with_logits(logit, label.clamp(min=0.0), reduction="none")
    each = each * torch.tensor([1.0, 0.5, 2.0])
    each[::3, 2] = 0.0
    torch.testing.assert_close(lost, each.sum(dim=1))
    lost.sum().backward()
    assert (logit.grad[::3, 2] == 0.0).all()
    assert not torch.isfinite(TaskLogLoss((1.0,))(torch.zeros(1, 1), torch.tensor([[torch.nan]]))).any()
