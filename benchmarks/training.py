"""Training DCN-v2 and DLRM: rows/s beside a plain torch loop over the same architecture and the same rows.

Thirteen numbers and 26 categorical features with the cardinalities of the Criteo challenge (Kaggle, 2014), capped; ids
follow Zipf's law (exponent 1), labels are drawn: what is measured is time, not quality. The plain loop is what one
writes first: an ``nn.Embedding`` a feature with dense gradients, ``Adam``, batches of 4,096. Ours has the whole
training loop around it: shuffled gather, unknown ids, row-wise Adagrad, AdamW, losses. Both have as many threads.

Dense Adam reads and writes every row of every table at every step, so that the ratio grows with the tables: see the
rows of several caps, the largest first. Where tables are small, both loops spend most of a step in the same matrix
products, and neither can be many times the other. Rows a second by the clock, and of one thread's processor time, which
other work on the machine disturbs less; the loops take turns, and an interval is the range over the turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.report import Row
from shortlist.core.arrays import Array, Float64, Int64
from shortlist.learning.fit_classifier import ClassifierRecipe, fit_classifier
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.dlrm_model import DLRM
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_rows import InputRows
from shortlist.ranking.input_sizes import InputSizes

__all__ = ["CARDINALITIES", "run"]

CARDINALITIES = (
    *(1_460, 583, 10_131_227, 2_202_608, 305, 24, 12_517, 633, 3, 93_145, 5_683, 8_351_593, 3_194),
    *(27, 14_992, 5_461_306, 10, 5_652, 2_173, 4, 7_046_547, 18, 15, 286_181, 105, 142_572),
)
"""Of the Criteo challenge's categorical features, as DLRM's authors count them."""

BATCH, WIDTH, DENSE = 4_096, 16, 13
CROSS, RANK, DEEP = 2, 32, (64, 32)
BOTTOM, TOP = (64,), (64, 32)
PEER = "torch, dense Adam"


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Rows a model and cap; the first cap, a million ids a feature, makes tables of 5.6 million rows, near Criteo's."""
    turns, steps = (1, 3) if quick else (3, 6)
    caps = (1_000_000,) if quick else (1_000_000, 200_000, 10_000)
    rows: list[Row] = []
    for cap in caps:
        sizes = tuple(min(cap, n) for n in CARDINALITIES)
        world = World.drawn(sizes, steps * BATCH, seed)
        for model in ("DCN-v2 rank 32", "DLRM"):
            threads = (1, 2) if cap == 200_000 else (2,)
            contenders: dict[str, Callable[[], object]] = {}
            for n in threads:
                contenders[f"shortlist, {_threads(n)}"] = _ours(model, world, n)
                contenders[f"{PEER}, {_threads(n)}"] = _plain(model, world, n)
            if cap == 200_000 and model != "DLRM":
                contenders["shortlist, bf16, 2 threads"] = _ours(model, world, 2, bf16=True)
                contenders[f"{PEER} and DataLoader, 2 threads"] = _plain(model, world, 2, loader=True)
            took = _turns(contenders, turns)
            what = f"{model}, {sum(sizes) / 1e6:.2f}M ids"
            for who, (clock, processor) in took.items():
                rows.append(_row(who, what, len(world.label) / clock, "rows/s"))
                rows.append(
                    _row(who, f"{what}, of one thread's processor time", len(world.label) / processor, "rows/s")
                )
            for n in threads:
                ours, plain = took[f"shortlist, {_threads(n)}"], took[f"{PEER}, {_threads(n)}"]
                rows.append(
                    _row(f"shortlist, {_threads(n)}", f"{what}: over the plain loop", plain[0] / ours[0], "times")
                )
    return rows


def _threads(n: int) -> str:
    return f"{n} thread" + ("s" if n > 1 else "")


def _turns(contenders: Mapping[str, Callable[[], object]], turns: int) -> dict[str, tuple[Float64, Float64]]:
    """Seconds by the clock and of the processor, a turn; the first turn warms up and is not counted."""
    took: dict[str, list[tuple[float, float]]] = {who: [] for who in contenders}
    for _ in range(turns + 1):
        for who, work in contenders.items():
            began = time.perf_counter(), time.process_time()
            work()
            took[who].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return {who: (np.array(times)[1:, 0], np.array(times)[1:, 1]) for who, times in took.items()}


def _row(who: str, what: str, sample: Float64, unit: str) -> Row:
    """The median over turns and, as its interval, the range: of three turns that holds the true median in 75%."""
    return Row(who, what, float(np.median(sample)), unit, float(sample.min()), float(sample.max()))


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What all contenders learn from.

    Attributes:
        sizes: ids of each categorical feature.
        dense: float32 ``(N, 13)``.
        ids: int64 ``(N, 26)``, by Zipf's law.
        label: float32 ``(N,)``.
        seed: of the rows, and of every contender's first weights.
    """

    sizes: Sequence[int]
    dense: Array
    ids: Int64
    label: Array
    seed: int

    @classmethod
    def drawn(cls, sizes: Sequence[int], n: int, seed: int) -> World:
        """Of n rows."""
        rng = np.random.default_rng(seed)
        ids = [np.minimum((size + 1.0) ** rng.random(n) - 1.0, size - 1).astype(np.int64) for size in sizes]
        dense = rng.normal(size=(n, DENSE)).astype(np.float32)
        return cls(sizes, dense, np.stack(ids, axis=1), (rng.random(n) < 0.25).astype(np.float32), seed)


def _ours(model: str, world: World, threads: int, *, bf16: bool = False) -> Callable[[], object]:
    """``fit_classifier``, one pass."""
    torch.manual_seed(world.seed)
    named = InputSizes(candidate_dense=DENSE, candidate_ids=tuple(world.sizes))
    scale = np.array([[0.0], [1.0]], np.float32)
    inputs = InputLayer(named, np.zeros((2, 0), np.float32), np.repeat(scale, DENSE, axis=1), width=WIDTH)
    net: nn.Module = (
        DLRM(inputs, bottom=BOTTOM, top=TOP)
        if model == "DLRM"
        else DCNv2(inputs, cross_layers=CROSS, rank=RANK, hidden=DEEP, dropout=0.0)
    )
    rows = InputRows(named, {"candidate_dense": world.dense, "candidate_ids": world.ids}, world.label)
    few = InputRows(named, {"candidate_dense": world.dense[:1], "candidate_ids": world.ids[:1]}, world.label[:1])
    recipe = ClassifierRecipe(epochs=1, batch=BATCH, threads=threads, bf16=bf16)
    return lambda: fit_classifier(net, rows, validation=few, recipe=recipe, seed=world.seed)


class PlainRanker(nn.Module):
    """The same architectures as one writes them first."""

    def __init__(self, model: str, sizes: Sequence[int]) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, WIDTH) for size in sizes)
        self.crosses = model != "DLRM"
        width = DENSE + len(sizes) * WIDTH
        if self.crosses:
            self.narrow = nn.ModuleList(nn.Linear(width, RANK, bias=False) for _ in range(CROSS))
            self.wide = nn.ModuleList(nn.Linear(RANK, width) for _ in range(CROSS))
            self.deep, out = _layers(width, *DEEP), width + DEEP[-1]
        else:
            self.bottom = _layers(DENSE, *BOTTOM, WIDTH)
            pairs = (len(sizes) + 1) * len(sizes) // 2
            self.deep, out = _layers(pairs + WIDTH, *TOP), TOP[-1]
        self.output = nn.Linear(out, 1)

    def forward(self, dense: Tensor, ids: Tensor) -> Tensor:
        """Logits ``(N,)``."""
        fields = [table(ids[:, k]) for k, table in enumerate(self.tables)]
        if self.crosses:
            x0 = torch.cat([dense, *fields], dim=1)
            x = x0
            for narrow, wide in zip(self.narrow, self.wide, strict=True):
                x = x0 * wide(narrow(x)) + x
            return self.output(torch.cat([x, self.deep(x0)], dim=1)).squeeze(1)  # type: ignore[no-any-return]
        z = self.bottom(dense)
        vectors = torch.stack([z, *fields], dim=1)
        dots = torch.bmm(vectors, vectors.transpose(1, 2))
        i, j = torch.tril_indices(vectors.shape[1], vectors.shape[1], offset=-1)
        return self.output(self.deep(torch.cat([z, dots[:, i, j]], dim=1))).squeeze(1)  # type: ignore[no-any-return]


def _layers(*widths: int) -> nn.Sequential:
    return nn.Sequential(*(part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())))


def _plain(model: str, world: World, threads: int, *, loader: bool = False) -> Callable[[], object]:
    """The plain loop, one pass."""
    torch.manual_seed(world.seed)
    net = PlainRanker(model, world.sizes)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    tensors = tuple(map(torch.from_numpy, (world.dense, world.ids, world.label)))
    batches = DataLoader(TensorDataset(*tensors), batch_size=BATCH, shuffle=True) if loader else None

    def work() -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        order = torch.split(torch.randperm(len(world.label)), BATCH)
        for x, i, y in batches or (tuple(part[chosen] for part in tensors) for chosen in order):
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(net(x, i), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        torch.set_num_threads(before)

    return work
