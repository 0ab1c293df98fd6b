"""Losses spelled out as arithmetic, their minima, and the chunked softmax against the whole one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from shortlist.learning.chunked_softmax import chunked_softmax_loss
from shortlist.learning.losses.sampled import bce_loss, bpr_loss, sampled_softmax_loss
from shortlist.learning.negatives.accidental_hits import accidental_hits

POSITIVE = torch.tensor([1.0, -0.5])
NEGATIVE = torch.tensor([[0.2, 2.0, -1.0], [0.0, 1.0, 0.5]])
LOG_E = torch.log(torch.tensor([0.5, 2.0, 1.0]))
HIT = (torch.tensor([1]), torch.tensor([2]))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_sampled_softmax_is_its_formula():
    first = math.log(math.exp(1.0) + math.exp(0.2) / 0.5 + math.exp(2.0) / 2.0 + math.exp(-1.0)) - 1.0
    second = math.log(math.exp(-0.5) + math.exp(0.0) / 0.5 + math.exp(1.0) / 2.0) + 0.5
    loss = sampled_softmax_loss(POSITIVE, NEGATIVE, LOG_E, hits=HIT)
    assert loss.item() == pytest.approx((first + second) / 2, abs=1e-6)


def test_bpr_is_its_formula():
    weights = [2.0 / 3.5, 0.5 / 3.5, 1.0 / 3.5]
    first = sum(-w * math.log(sigmoid(1.0 - s)) for w, s in zip(weights, (0.2, 2.0, -1.0), strict=True))
    second = sum(-w * math.log(sigmoid(-0.5 - s)) for w, s in zip((0.8, 0.2), (0.0, 1.0), strict=True))
    assert bpr_loss(POSITIVE, NEGATIVE, LOG_E, hits=HIT).item() == pytest.approx((first + second) / 2, abs=1e-6)


def test_bpr_of_a_row_whose_negatives_are_all_hits_counts_nothing():
    score = torch.tensor([[3.0]], requires_grad=True)
    loss = bpr_loss(torch.tensor([0.0]), score, hits=(torch.tensor([0]), torch.tensor([0])))
    loss.backward()
    assert loss.item() == 0.0
    assert score.grad.item() == 0.0


def test_binary_cross_entropy_is_its_formula():
    own = torch.log(torch.tensor([0.25, 4.0]))
    first = -math.log(sigmoid(1.0 - math.log(0.25)))
    first -= sum(math.log(1 - sigmoid(s - math.log(e))) for s, e in ((0.2, 0.5), (2.0, 2.0), (-1.0, 1.0)))
    second = -math.log(sigmoid(-0.5 - math.log(4.0)))
    second -= sum(math.log(1 - sigmoid(s - math.log(e))) for s, e in ((0.0, 0.5), (1.0, 2.0)))
    loss = bce_loss(POSITIVE, NEGATIVE, LOG_E, own, hits=HIT)
    assert loss.item() == pytest.approx((first + second) / 2, abs=1e-6)


def test_corrected_cross_entropy_is_least_at_the_log_probabilities():
    """The expected loss over p and m·q, minimised: log p with the correction, log p - log(m q) without."""
    p = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    expected = 3 * torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    for corrected in (True, False):
        minimum = p.log() if corrected else p.log() - expected.log()
        score = minimum.clone().requires_grad_()
        log_e = expected.log() if corrected else torch.zeros(4, dtype=torch.float64)
        nothing = torch.full((4, 1), -torch.inf, dtype=torch.float64)
        positives = sum(
            p[i] * bce_loss(score[i : i + 1], nothing[:1], torch.zeros(1), log_e[i : i + 1]) for i in range(4)
        )
        far = torch.tensor([50.0], dtype=torch.float64)
        negatives = sum(
            expected[i] * bce_loss(far, score[i : i + 1, None], log_e[i : i + 1], torch.zeros(1)) for i in range(4)
        )
        (positives + negatives).backward()
        assert score.grad.abs().max() < 1e-12


@pytest.mark.parametrize("loss", [sampled_softmax_loss, bpr_loss, bce_loss], ids=lambda f: f.__name__)
def test_gradients_equal_finite_differences_and_extremes_stay_finite(loss):
    log_e = LOG_E.double()
    arguments = (POSITIVE.double().requires_grad_(), NEGATIVE.double().requires_grad_())

    def of(positive, negative):
        extra = (POSITIVE.double(),) if loss is bce_loss else ()
        return loss(positive, negative, log_e, *extra, hits=HIT)

    assert torch.autograd.gradcheck(of, arguments)
    extreme = torch.tensor([[500.0, -500.0, 0.0]] * 2, requires_grad=True)
    value = of(torch.tensor([-500.0, 500.0]), extreme)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(extreme.grad).all()


@pytest.mark.parametrize("chunk", [1, 7, 32, 256])
@pytest.mark.parametrize("rows", [1, 64, 100])
def test_chunked_equals_whole_loss_and_gradients(rows, chunk):
    """To 1e-6 in float32, hits, repeated negatives and a place that weighs nothing included."""
    generator = torch.Generator().manual_seed(rows)
    unit = [torch.nn.functional.normalize(torch.randn(n, 16, generator=generator), dim=1) for n in (rows, rows, 50)]
    positive, row = np.arange(rows) % 13, np.arange(50) % 17
    log_e = torch.randn(50, generator=generator)
    log_e[3] = torch.inf
    hits = tuple(map(torch.from_numpy, accidental_hits(positive, row)))

    whole = [part.clone().requires_grad_() for part in unit]
    user, item, negative = whole
    expected = sampled_softmax_loss((user * item).sum(dim=1) / 0.2, user @ negative.T / 0.2, log_e, hits=hits)
    (3 * expected).backward()
    parts = [part.clone().requires_grad_() for part in unit]
    loss = chunked_softmax_loss(*parts, log_e, hits=hits, temperature=0.2, chunk=chunk)
    (3 * loss).backward()

    assert abs(loss.item() - expected.item()) < 1e-6 * max(1.0, expected.item())
    for ours, theirs in zip(parts, whole, strict=True):
        assert (ours.grad - theirs.grad).abs().max() < 1e-6 * max(1.0, theirs.grad.abs().max().item())


def test_chunked_never_holds_the_whole_matrix():
    """The largest tensor of a step over 2,048 × 2,048 logits has chunk × 2,048 elements."""
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for value in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(value, torch.Tensor):
                    largest = max(largest, value.numel())
            return out

    n, chunk = 2_048, 128
    vectors = torch.randn(n, 8, requires_grad=True)
    nothing = (torch.empty(0, dtype=torch.int64),) * 2
    with Watch():
        chunked_softmax_loss(
            vectors, vectors, vectors, torch.zeros(n), hits=nothing, temperature=1.0, chunk=chunk
        ).backward()
    assert largest == chunk * n
