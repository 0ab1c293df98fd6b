"""IVF-SQ8 over 10 million × 64: how long the build takes and how much memory, then recall and latency.

The vectors lie in a file, as they would; the build runs in a process of its own, on one thread, so that the peak of its
memory is the build's alone (the mapped file's pages count in it while they are read).
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.ann import K, exact_best, latency, one_thread, recall_row
from benchmarks.report import Row, median_row
from shortlist.retrieval.index.ivf_sq8 import IvfSq8Index
from shortlist.retrieval.index.load import load_index
from shortlist.simulation.vectors import out_of_distribution

__all__ = ["run"]

_CHUNK = 500_000
_EFFORTS = (64, 256, 768)


def run(quick: bool, seed: int) -> Sequence[Row]:
    """Raw inner product with lognormal lengths and out-of-distribution queries; quick is 1 million, one tenth."""
    count, cells = (1_000_000, 2_000) if quick else (10_000_000, 6_000)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        queries = _write(here / "vectors.npy", count, seed)
        spawned = multiprocessing.get_context("spawn")
        pipe, other = spawned.Pipe(duplex=False)
        child = spawned.Process(target=_build, args=(here, cells, other))
        child.start()
        other.close()
        seconds, peak = pipe.recv()
        child.join()
        return [
            Row("shortlist", f"ivf-sq8, {count:,} by 64, {cells} cells: build", seconds, "s"),
            Row("shortlist", "peak memory of the build, the vectors' file included", peak, "GiB"),
            Row("shortlist", "file", (here / "index" / "index.faiss").stat().st_size / 2**30, "GiB"),
            *_searched(here, queries),
        ]


def _write(path: Path, count: int, seed: int) -> np.ndarray:
    """The file, written in pieces; the queries."""
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, 64))
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        file[start:stop], queries = out_of_distribution(stop - start, 300, seed, piece=start)
    file.flush()
    return queries


def _build(here: Path, cells: int, pipe: object) -> None:
    one_thread()
    vectors = np.load(here / "vectors.npy", mmap_mode="r")
    began = time.perf_counter()
    index = IvfSq8Index(cells=cells, effort=cells // 8).build(vectors)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    index.save(here / "index")
    pipe.send((seconds, peak))  # type: ignore[attr-defined]


def _searched(here: Path, queries: np.ndarray) -> list[Row]:
    one_thread()
    best = exact_best(np.load(here / "vectors.npy", mmap_mode="r"), queries, K)
    index = load_index(here / "index", mmap=True)
    rows = []
    for effort in _EFFORTS:
        what = f"{effort} cells visited"
        index.search(queries, K, effort=effort)
        rows.append(recall_row("shortlist", what, index.search(queries, K, effort=effort).ids, best))
        times = latency(lambda q, effort=effort: index.search(q, K, effort=effort), queries)  # type: ignore[misc]
        rows += [median_row("shortlist", what, times, q) for q in (0.5, 0.99)]
    return rows
