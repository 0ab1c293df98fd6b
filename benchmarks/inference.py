"""Scoring 500 candidates of one request: our runtime beside torch, and our boosted trees beside LightGBM.

The rankers have 13 numbers and 26 categorical features (embeddings of 16), half of each the request's, and hidden
layers of 64 and 32 units; weights are drawn: what is measured is time. "Hoisted": the request's side is worked out once
a request. "Spread": the same file with the request's features repeated for each candidate, as for a graph of one side.
Sixteen requests are scored in turn, so that their embeddings are not what the last call left in the cache. The
contenders take turns call by call, so that a call finds the others' tables there, of 16 MB each; "by themselves" they
take turns of sixteen requests, which is what a server of one model sees that does nothing else.
The trees: 500 of 63 leaves, 39 features, one row in twenty missing. One thread each; intervals are of the p50.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import lightgbm
import numpy as np
import torch
from torch import nn

from benchmarks.report import Row, median_row
from shortlist.core.arrays import Array, Float64
from shortlist.learning.one_thread import one_thread
from shortlist.ranking.dcn_v2_model import DCNv2
from shortlist.ranking.dlrm_model import DLRM
from shortlist.ranking.export_model import export_onnx
from shortlist.ranking.gbdt import GBDT
from shortlist.ranking.gbdt_file import read_trees
from shortlist.ranking.input_layer_model import InputLayer
from shortlist.ranking.input_sizes import InputSizes
from shortlist.ranking.masknet_model import MaskNet
from shortlist.ranking.quantize import quantize
from shortlist.ranking.runtime import Runtime

__all__ = ["run"]

N, REQUESTS = 500, 16
SIZES = InputSizes(request_dense=7, request_ids=(10_000,) * 13, candidate_dense=6, candidate_ids=(10_000,) * 13)
FEATURES = 39


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Rows of neural rankers, then of trees, with the largest difference of what must be equal."""
    times = 40 if quick else 400
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        rows = [*_neural("DCN-v2 rank 32", _dcn, Path(scratch), times, seed)]
        if not quick:
            rows += _neural("DLRM", lambda inputs: DLRM(inputs, bottom=(64,), top=(64, 32)), Path(scratch), times, seed)
            rows += _neural(
                "MaskNet", lambda inputs: MaskNet(inputs, units=64, hidden=(64, 32)), Path(scratch), times, seed
            )
        return [*rows, *_trees(50 if quick else 500, max(20, times // 4), seed)]


def _dcn(inputs: InputLayer) -> nn.Module:
    return DCNv2(inputs, cross_layers=2, rank=32, hidden=(64, 32))


def _neural(what: str, make: Callable[[InputLayer], nn.Module], folder: Path, times: int, seed: int) -> list[Row]:
    torch.manual_seed(seed)
    scales = (np.repeat(np.array([[0.0], [1.0]], np.float32), n, axis=1) for n in (7, 6))
    model = make(InputLayer(SIZES, *scales, width=16)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape))
    export_onnx(model, SIZES, folder / "model.onnx")
    quantize(folder / "model.onnx", folder / "int8.onnx")
    exact, rounded = Runtime(folder / "model.onnx"), Runtime(folder / "int8.onnx")
    rng = np.random.default_rng(seed)
    inputs = [_inputs(rng) for _ in range(REQUESTS)]
    spread = [_spread(one) for one in inputs]
    tensors = [[torch.from_numpy(one[name]) for name in SIZES.names] for one in spread]

    def eager(k: int) -> Array:
        with torch.no_grad():
            return model(*tensors[k]).numpy()  # type: ignore[no-any-return]

    contenders: dict[str, Callable[[int], Array]] = {
        "shortlist, hoisted": lambda k: exact.logits(inputs[k]),
        "shortlist, hoisted, int8": lambda k: rounded.logits(inputs[k]),
        "shortlist, spread": lambda k: exact.logits(spread[k]),
        "torch eager": eager,
    }
    rows = [median_row(who, f"{what}, {N} candidates", sample) for who, sample in _turns(contenders, times).items()]
    rows += [
        median_row(who, f"{what}, {N} candidates, by themselves", sample)
        for who, sample in _turns(contenders, times, REQUESTS).items()
    ]
    for who in ("shortlist, hoisted", "shortlist, hoisted, int8", "shortlist, spread"):
        away = max(float(np.abs(_p(contenders[who](k)) - _p(eager(k))).max()) for k in range(REQUESTS))
        rows.append(Row(who, f"{what}: largest difference of a probability from torch's", away, "probability"))
    return rows


def _trees(trees: int, times: int, seed: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    logit = x[:, 0] * x[:, 1] + x[:, 2:10].sum(axis=1) / 2.0
    x[rng.random(x.shape) < 0.05] = np.nan
    label = rng.random(len(x)) < _p(logit)
    settings = {"objective": "binary", "num_leaves": 63, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    booster = lightgbm.train(settings, lightgbm.Dataset(x, label), trees)
    ours, rows = GBDT(read_trees(booster.model_to_string(), where="the benchmark")), x[:N]

    def theirs(_: int = 0) -> Array:
        return np.asarray(booster.predict(rows, raw_score=True, num_threads=1))

    contenders: dict[str, Callable[[int], Array]] = {"shortlist": lambda _: ours.raw(rows), "LightGBM": theirs}
    took = _turns(contenders, times)
    what = f"{trees} trees of 63 leaves, {N} rows"
    ratio = float(np.median(took["LightGBM"]) / np.median(took["shortlist"]))
    away = float(np.abs(ours.raw(rows) - theirs()).max())
    return [
        *(median_row(who, what, sample) for who, sample in took.items()),
        Row("shortlist", f"{what}: LightGBM's p50 over ours", ratio, "times"),
        Row("shortlist", f"{what}: largest difference of a score from LightGBM's", away, "score"),
    ]


def _inputs(rng: np.random.Generator) -> dict[str, Array]:
    return {
        "request_dense": rng.normal(size=(1, 7)).astype(np.float32),
        "request_ids": rng.integers(0, 10_000, (1, 13)),
        "request_index": np.zeros(N, dtype=np.int64),
        "candidate_dense": rng.normal(size=(N, 6)).astype(np.float32),
        "candidate_ids": rng.integers(0, 10_000, (N, 13)),
    }


def _spread(inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {
        name: np.repeat(value, N, axis=0) if name in SIZES.request_names else value for name, value in inputs.items()
    } | {"request_index": np.arange(N)}


def _turns(contenders: Mapping[str, Callable[[int], object]], times: int, turn: int = 1) -> dict[str, Float64]:
    """Milliseconds of each call, which is told which request it is for; the first tenth warms up and is not counted.

    Args:
        contenders: by name.
        times: calls of each that are counted, or up to a turn more.
        turn: calls before the next one's turn.
    """
    took: dict[str, list[float]] = {who: [] for who in contenders}
    for begin in range(0, times + times // 10, turn):
        for who, work in contenders.items():
            for number in range(begin, begin + turn):
                began = time.perf_counter()
                work(number % REQUESTS)
                took[who].append(1e3 * (time.perf_counter() - began))
    return {who: np.array(sample[times // 10 :]) for who, sample in took.items()}


def _p(logit: Array) -> Float64:
    return np.asarray(1.0 / (1.0 + np.exp(-logit.astype(np.float64))))
