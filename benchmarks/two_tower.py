"""Training the two towers: rows/s beside a plain torch loop over the same towers and the same rows.

The plain loop is what the tutorials show: ``DataLoader(TensorDataset(...), shuffle=True)``, embeddings with dense
gradients, the whole B × B matrix of logits into ``cross_entropy``, one dense Adam. Both learn from the batch's other
positives with the log-Q correction; ours keeps each row of them once. Simulated users and items with Zipf popularity
(exponent 1): what is measured is time, not quality. Rows a second of one thread's processor time, which other work on
the machine disturbs less than the clock; the loops take turns, and a row's interval is the range over five of these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.report import Row
from shortlist.core.arrays import Float64
from shortlist.learning.bf16_matmul import bf16_matmul
from shortlist.learning.chunked_softmax import chunked_softmax_loss
from shortlist.learning.fit_towers import TwoTowerRecipe, fit_towers
from shortlist.learning.losses.sampled import sampled_softmax_loss
from shortlist.learning.negatives.distinct import DistinctNegatives
from shortlist.learning.negatives.frequency import CountedFrequency
from shortlist.learning.negatives.in_batch import InBatchNegatives
from shortlist.learning.one_thread import one_thread
from shortlist.learning.tower_examples import TowerExamples
from shortlist.learning.two_tower_model import TwoTowerModel

__all__ = ["run"]

WIDTH, HIDDEN, HISTORY, TOKENS, BUCKETS = 64, 128, 20, 4, 8_192
TEMPERATURE = 0.2
LIKES_A_USER = 40
PEER = "torch, dense Adam"


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Rows for each catalogue size and batch, then the softmax alone, whole and in chunks."""
    turns, steps = (2, 3) if quick else (5, 8)
    sizes = [(100_000, 1_024)] if quick else [(10_000, 1_024), (100_000, 1_024), (100_000, 8_192), (1_000_000, 1_024)]
    rows: list[Row] = []
    with one_thread():
        for items, batch in sizes:
            rows += _towers(items, batch, steps, turns, seed)
        rows += _softmax(2_048 if quick else 8_192, turns, seed)
    return rows


def _towers(items: int, batch: int, steps: int, turns: int, seed: int) -> list[Row]:
    n = batch * max(2, steps * 1_024 // batch)
    examples, content = _world(items, n, seed)
    contenders = {
        "shortlist": _ours(examples, content, items, batch, seed, bf16=False),
        "shortlist, bf16": _ours(examples, content, items, batch, seed, bf16=True),
        PEER: _plain(examples, content, items, batch, seed),
    }
    rate = {who: n / seconds for who, seconds in _turns(contenders, turns).items()}
    what = f"{items:,} items, batch {batch:,}"
    rows = [_row(who, what, each, "rows/s") for who, each in rate.items()]
    ratio = f"{what}: rows/s over those of the torch loop"
    return rows + [_row(who, ratio, rate[who] / rate[PEER], "times") for who in rate if who != PEER]


def _turns(contenders: Mapping[str, Callable[[], object]], turns: int) -> dict[str, Float64]:
    """Processor seconds of each, a turn; the first turn warms up and is not counted."""
    took: dict[str, list[float]] = {who: [] for who in contenders}
    for _ in range(turns + 1):
        for who, work in contenders.items():
            began = time.process_time()
            work()
            took[who].append(time.process_time() - began)
    return {who: np.array(seconds[1:]) for who, seconds in took.items()}


def _row(who: str, what: str, sample: Float64, unit: str) -> Row:
    """The median over turns and, as its interval, the range: of five turns that holds the true median in 94%."""
    return Row(who, what, float(np.median(sample)), unit, float(sample.min()), float(sample.max()))


def _world(items: int, n: int, seed: int) -> tuple[TowerExamples, Tensor]:
    """Likes of simulated users, ``n`` positives; hashed tokens of the items."""
    rng = np.random.default_rng(seed)
    users = -(-n // (LIKES_A_USER - 1))
    upto = np.cumsum(1.0 / np.arange(1, items + 1))
    liked = np.searchsorted(upto, rng.random(users * LIKES_A_USER) * upto[-1]) + 1
    place = np.arange(users * LIKES_A_USER)
    at = place[place % LIKES_A_USER > 0][:n]
    content = torch.from_numpy(rng.integers(1, BUCKETS + 1, size=(items + 1, TOKENS)))
    return TowerExamples(liked.astype(np.int32), at - at % LIKES_A_USER, at), content


def _ours(
    examples: TowerExamples, content: Tensor, items: int, batch: int, seed: int, *, bf16: bool
) -> Callable[[], object]:
    """``fit_towers``, one pass."""
    torch.manual_seed(seed)
    model = TwoTowerModel(items + 1, BUCKETS, content, width=WIDTH, hidden=HIDDEN, history=HISTORY)
    negatives = DistinctNegatives(InBatchNegatives(CountedFrequency(examples.counts(items + 1))))
    recipe = TwoTowerRecipe(
        width=WIDTH,
        hidden=HIDDEN,
        history=HISTORY,
        epochs=1,
        batch=batch,
        temperature=TEMPERATURE,
        bf16=bf16,
        without_ids=0.0,
    )
    return lambda: fit_towers(model, examples, negatives, recipe=recipe, seed=seed)


class PlainTowers(nn.Module):
    """The same two towers as one writes them first."""

    def __init__(self, items: int, content: Tensor) -> None:
        super().__init__()
        self.content = content
        self.item = nn.Embedding(items + 1, WIDTH, padding_idx=0)
        self.token = nn.Embedding(BUCKETS + 1, WIDTH, padding_idx=0)
        self.mix = nn.Linear(WIDTH, WIDTH, bias=False)
        self.recency = nn.Parameter(torch.zeros(HISTORY))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, WIDTH))

    def forward(self, history: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors of users and of positives, ``(B, d)`` each; every item goes through its tower once."""
        rows, where = torch.unique(torch.cat([history.reshape(-1), positive]), return_inverse=True)
        vectors = functional.normalize(self.item(rows) + self.mix(self.token(self.content[rows]).mean(dim=1)), dim=-1)
        liked, own = where[: history.numel()].view_as(history), where[history.numel() :]
        weight = torch.softmax(self.recency.masked_fill(history == 0, -1e9), dim=1)
        pooled = torch.einsum("bl,bld->bd", weight, vectors[liked])
        return functional.normalize(pooled + self.mlp(pooled), dim=-1), vectors[own]


def _plain(examples: TowerExamples, content: Tensor, items: int, batch: int, seed: int) -> Callable[[], object]:
    """The plain loop, one pass."""
    torch.manual_seed(seed)
    model = PlainTowers(items, content)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    history, positive = map(torch.from_numpy, examples.batch(np.arange(len(examples)), HISTORY))
    rows = DataLoader(TensorDataset(history, positive), batch_size=batch, shuffle=True)
    log_q = torch.from_numpy(np.log(np.maximum(examples.counts(items + 1), 1) / len(examples)).astype(np.float32))

    def work() -> None:
        for liked, target in rows:
            user, item = model(liked, target)
            logit = user @ item.T / TEMPERATURE - log_q[target]
            same = target.unsqueeze(1) == target.unsqueeze(0)
            loss = functional.cross_entropy(
                logit.masked_fill(same.fill_diagonal_(False), -torch.inf), torch.arange(len(user))
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return work


def _softmax(batch: int, turns: int, seed: int) -> list[Row]:
    """The loss alone, forward and backward, with all B positives as negatives."""
    generator = torch.Generator().manual_seed(seed)
    user, item = (functional.normalize(torch.randn(batch, WIDTH, generator=generator), dim=1) for _ in range(2))
    user.requires_grad_()
    item.requires_grad_()
    log_expected, place = torch.zeros(batch), torch.arange(batch)

    def whole() -> None:
        logit = user @ item.T / TEMPERATURE
        own = (user * item).sum(dim=1) / TEMPERATURE
        sampled_softmax_loss(own, logit, log_expected, hits=(place, place)).backward()  # type: ignore[no-untyped-call]

    def chunked(*, bf16: bool) -> None:
        with bf16_matmul(wanted=bf16):
            chunked_softmax_loss(
                user, item, item, log_expected, hits=(place, place), temperature=TEMPERATURE
            ).backward()  # type: ignore[no-untyped-call]

    contenders = {
        "shortlist, chunked": lambda: chunked(bf16=False),
        "shortlist, chunked, bf16": lambda: chunked(bf16=True),
        "torch, whole matrix": whole,
    }
    what = f"softmax alone, {batch:,} by {batch:,}"
    return [_row(who, what, batch / seconds, "rows/s") for who, seconds in _turns(contenders, turns).items()]
